"""An installation of a former release, filled, brought to the present schema."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, inspect, text
from sqlalchemy.exc import IntegrityError

from models import Base
from services.platform import schema
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.api_keys import create_key, resolve_key
from services.platform.platform import Platform
from tests.conftest import settings_for

BEFORE_NUMBERS = "0013"  # the last schema in which SQLite gave numbers again
ROWS = 3
# What the tables check; anything else of its type does in the other columns.
CHECKED: dict[tuple[str, str], list[Any]] = {
    ("bots", "mode"): ["polling", "webhook", "polling"],
    ("bots", "status"): ["running", "stopped", "failed"],
    ("redirect_pools", "distribution_strategy"): ["random", "weighted", "random"],
    ("redirect_pools", "over_limit"): ["reject", "redirect", "reject"],
    ("pool_bots", "status"): ["online", "offline", "banned"],
    ("pool_bots", "priority"): [-1, 0, 1],
    ("ban_wave_moves", "step"): ["lost", "lost", "lost"],
    ("clicks", "audience"): ["human", "human", "human"],
    ("notification_destinations", "kind"): ["email", "webhook", "telegram"],
    ("notification_deliveries", "status"): ["pending", "pending", "pending"],
}


@pytest.fixture
def former(tmp_path: Path) -> Iterator[Platform]:
    """A SQLite installation of the former schema with rows in every table."""
    platform = Platform(settings_for(tmp_path))
    schema.set_up_migrations(platform)
    with platform.app.app_context():
        flask_migrate.upgrade(revision=BEFORE_NUMBERS)
    with platform.database.engine.begin() as connection:
        fill(connection)
    yield platform
    platform.database.dispose()


def fill(connection: Connection) -> None:
    """ROWS rows in every table, the Nth of each referring to the Nth of the others."""
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if table.name != "alembic_version":
            connection.execute(table.insert(), [row_of(table, number) for number in range(1, ROWS + 1)])


def row_of(table: Table, number: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.columns:
        kind = str(column.type).partition("(")[0]
        fixed = CHECKED.get((table.name, column.name))
        values[column.name] = fixed[number - 1] if fixed else sample(kind, number)
    return values


def sample(kind: str, number: int) -> Any:
    match kind:
        case "VARCHAR" | "TEXT":
            return f"'{number}é"
        case "DATETIME":
            return datetime(2026, 1, number, tzinfo=UTC).replace(tzinfo=None)
        case "JSON":
            return {"n": number}
        case "BOOLEAN":
            return number % 2 == 0
        case _:
            return number


def content(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as SQLite has it."""
    names = [name for name in inspect(connection).get_table_names() if name in Base.metadata.tables]
    return {
        name: [
            dict(row) for row in connection.execute(text(f"SELECT * FROM {name} ORDER BY rowid")).mappings()
        ]
        for name in names
    }


def promises(connection: Connection) -> set[str]:
    """Indexes, and constraints by their names; a primary key's name goes with AUTOINCREMENT."""
    rows = connection.execute(text("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL")).all()
    found = {str(sql) for _, kind, sql in rows if kind == "index"}
    for name, kind, sql in rows:
        if kind == "table":
            clauses = (part.strip().rstrip(",") for part in str(sql).splitlines())
            found |= {
                f"{name}: {c}" for c in clauses if c.startswith("CONSTRAINT") and "CONSTRAINT pk_" not in c
            }
    return found


def test_an_installation_of_the_former_schema_keeps_every_row_index_check_and_foreign_key(
    former: Platform,
) -> None:
    with former.database.engine.connect() as connection:
        rows, held = content(connection), promises(connection)
    assert all(len(found) == ROWS for found in rows.values())
    schema.upgrade(former)
    with former.database.engine.connect() as connection:
        after = content(connection)
        for name, found in rows.items():  # whatever columns are new
            assert [
                {column: new[column] for column in row} for new, row in zip(after[name], found, strict=True)
            ] == found
        assert promises(connection) >= held
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.data
def test_who_made_a_key_is_taken_from_the_trail_and_an_old_process_can_still_make_keys(
    platform: Platform,
) -> None:
    owner = command_principal(create_account(platform, "owner@example.com", "correct horse battery"))
    first, text_of_first = create_key(platform, owner)
    second, _ = create_key(platform, resolve_key(platform, text_of_first, ""))
    schema.set_up_migrations(platform)
    with platform.app.app_context():
        flask_migrate.downgrade(revision="0015")
        flask_migrate.upgrade(revision="0016")
    with platform.database.engine.begin() as connection:
        made = connection.execute(text("SELECT key_id, made_by FROM api_keys ORDER BY id")).all()
        connection.execute(
            text(
                "INSERT INTO api_keys (account_id, key_id, secret_hash, name, scopes, created_at) "
                "SELECT account_id, 'old', secret_hash, name, scopes, created_at FROM api_keys WHERE made_by = ''"
            )
        )
    assert [tuple(row) for row in made] == [(first.key_id, ""), (second.key_id, first.key_id)]


def test_checks_and_foreign_keys_bind_again_after_a_migration(former: Platform) -> None:
    schema.upgrade(former)
    with pytest.raises(IntegrityError), former.database.engine.begin() as connection:
        connection.execute(text("UPDATE bots SET mode = 'wrong'"))
    with pytest.raises(IntegrityError), former.database.engine.begin() as connection:
        connection.execute(text("UPDATE bots SET account_id = 77"))
    with former.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM accounts"))
        assert connection.scalar(text("SELECT COUNT(*) FROM leads")) == 0
        assert connection.scalar(text("SELECT COUNT(*) FROM clicks")) == 0


def test_after_the_upgrade_no_number_of_a_deleted_row_or_of_a_trace_comes_again(former: Platform) -> None:
    with former.database.engine.begin() as connection:
        connection.execute(text("UPDATE click_rollups SET bot_id = 500 WHERE bot_id = 3"))  # of a deleted bot
        connection.execute(text("UPDATE audit_events SET pool_id = 700 WHERE pool_id = 3"))
    schema.upgrade(former)
    with former.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM accounts"))
        rows = connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
        given = {str(name): int(seq) for name, seq in rows}
    numbered = {
        table.name for table in Base.metadata.tables.values() if table.autoincrement_column is not None
    }
    later = {
        "bot_access",
        "stored_files",
        "telegram_links",
        "telegram_link_codes",
        "bot_offers",
        "managed_bots",
        "switches",
        "flows",
        "flow_runs",
        "timers",
        "segments",
        "people_changes",
        "conversations",
        "chat_messages",
        "broadcasts",
        "media",
        "goals",
        "payments",
        "payment_webhooks",
        "payment_webhook_calls",
        "postbacks",
        "postback_deliveries",
        "spend_imports",
        "spend",
        "exchange_rates",
    }
    assert given.keys() == numbered - later  # they never gave a number
    assert min(given.values()) >= ROWS + 1000
    assert given["bots"] >= 500 + 1000
    assert given["redirect_pools"] >= 700 + 1000


def test_a_new_installation_begins_at_one(tmp_path: Path) -> None:
    platform = Platform(settings_for(tmp_path))
    schema.upgrade(platform)
    with platform.database.engine.begin() as connection:
        assert connection.scalar(text("SELECT MAX(seq) FROM sqlite_sequence")) == 0
    platform.database.dispose()
