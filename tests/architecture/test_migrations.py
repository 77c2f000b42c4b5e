"""Expand, then contract: code of the two releases before keeps working on the newest schema (docs/upgrading.md)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import flask_migrate
import pytest
from sqlalchemy import create_engine, text

from services.platform import schema
from services.platform.platform import Platform
from tests.architecture.expanding import Schema, contractions, indexed, schema_of
from tests.conftest import settings_for

RELEASES = 2  # that may still be running: an upgrade from N-2 has its processes on the schema of N
RULED_FROM = "0036"  # what is older was never upgraded while it served


class Excused(NamedTuple):
    """Why a step may contract, and the newest migration of the first release that no longer used what goes."""

    reason: str
    unused_since: str


# (migration, what it did)
CONTRACTIONS: dict[tuple[str, str], Excused] = {
    ("0010", "experiments: unique pool_id, which old code does not know"): Excused(
        "only one experiment of a pool may run, which old code saw to itself", "0005"
    ),
    ("0029", "audit_events: trigger audit_events_keep, which old code does not know"): Excused(
        "the trail is append-only; no code has ever changed an entry", "0001"
    ),
    ("0029", "audit_events: trigger audit_events_stay, which old code does not know"): Excused(
        "the trail is append-only; no code has ever deleted an entry of an account that is there", "0001"
    ),
    ("0032", "telegram_link_codes.email: dropped or renamed"): Excused(
        "came a day before with a table that no release had yet", "0032"
    ),
}
# Written to all the time: on PostgreSQL an index on them holds up every writer while it is built.
LARGE = {
    *("clicks", "click_rollups", "click_breakdowns", "daily_visitors", "leads", "starts", "bound_starts"),
    *("conversions", "handled_updates", "plugin_states", "audit_events"),
}
LARGE_INDEXES = {
    ("0029", "audit_events"): "people's acts, thousands at most",
    ("0030", "leads"): "3.4 to 5.9 s per million, while updates wait in Redis",
}


class Step(NamedTuple):
    """A migration's number, and the schema on both sides of it."""

    number: str
    before: Schema
    after: Schema


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    """All migrations, run one by one on an empty SQLite database."""
    platform = Platform(settings_for(tmp_path_factory.mktemp("steps")))
    schema.set_up_migrations(platform)
    found, before = [], Schema()
    for number in numbers():
        with platform.app.app_context():
            flask_migrate.upgrade(revision=number)
        with platform.database.engine.connect() as connection:
            after = schema_of(connection)
        found.append(Step(number, before, after))
        before = after
    platform.database.dispose()
    return found


def numbers() -> Iterator[str]:
    """The numbers of all migrations, in order."""
    yield from sorted(file.name.partition("_")[0] for file in Path(schema.MIGRATIONS).glob("versions/[0-9]*"))


def test_no_migration_takes_away_or_tightens_what_old_code_uses(steps: list[Step]) -> None:
    found = {(step.number, what) for step in steps for what in contractions(step.before, step.after)}
    assert found - CONTRACTIONS.keys() == set(), "see docs/upgrading.md, and CONTRACTIONS in this file"
    assert CONTRACTIONS.keys() - found == set(), "excused, but not done"


def test_what_goes_was_unused_for_as_many_releases_as_may_still_run() -> None:
    early = [
        (number, what)
        for (number, what), excused in CONTRACTIONS.items()
        if number >= RULED_FROM and int(number) - int(excused.unused_since) < RELEASES
    ]
    assert early == []


def test_an_index_on_a_large_table_says_how_long_it_holds_up_writers(steps: list[Step]) -> None:
    found = {(step.number, table) for step in steps for table in indexed(step.before, step.after)}
    large = {(number, table) for number, table in found if table in LARGE}
    assert large == LARGE_INDEXES.keys()


def test_the_large_tables_are_there(steps: list[Step]) -> None:
    assert steps[-1].after.tables.keys() >= LARGE


FORMER = (
    "CREATE TABLE other (id INTEGER PRIMARY KEY)",
    """CREATE TABLE things (
        id INTEGER PRIMARY KEY,
        name VARCHAR(20) NOT NULL,
        note TEXT,
        state VARCHAR(8) NOT NULL DEFAULT 'new',
        size INTEGER
    )""",
)
ANEW = "DROP TABLE things"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (["DROP TABLE things"], ["things: dropped or renamed"]),
        (["ALTER TABLE things RENAME TO items"], ["things: dropped or renamed"]),
        (["ALTER TABLE things DROP COLUMN note"], ["things.note: dropped or renamed"]),
        (["ALTER TABLE things RENAME COLUMN note TO remark"], ["things.note: dropped or renamed"]),
        (
            [ANEW, FORMER[1].replace("size INTEGER", "size INTEGER, kind TEXT NOT NULL")],
            ["things.kind: new, NOT NULL and without a server default"],
        ),
        ([ANEW, FORMER[1].replace("note TEXT", "note TEXT NOT NULL")], ["things.note: became NOT NULL"]),
        (
            [ANEW, FORMER[1].replace("VARCHAR(20)", "VARCHAR(10)")],
            ["things.name: VARCHAR(20) was narrowed to VARCHAR(10)"],
        ),
        (
            [ANEW, FORMER[1].replace("note TEXT", "note VARCHAR(99)")],
            ["things.note: TEXT was narrowed to VARCHAR(99)"],
        ),
        (
            [ANEW, FORMER[1].replace("size INTEGER", "size VARCHAR(9)")],
            ["things.size: INTEGER became VARCHAR(9)"],
        ),
        (
            [ANEW, FORMER[1].replace("DEFAULT 'new'", "")],
            ["things.state: lost its server default"],
        ),
        (
            ["CREATE UNIQUE INDEX one ON things (name)"],
            ["things: unique name, which old code does not know"],
        ),
        (
            [ANEW, FORMER[1].replace("size INTEGER", "size INTEGER,\nCONSTRAINT small CHECK (size < 9)")],
            ["things: CONSTRAINT small CHECK (size < 9), which old code does not know"],
        ),
        (
            [ANEW, FORMER[1].replace("size INTEGER", "size INTEGER REFERENCES other (id)")],
            ["things: foreign key size to other, which old code does not know"],
        ),
        (
            ["CREATE TRIGGER never BEFORE DELETE ON things BEGIN SELECT RAISE(ABORT, 'no'); END"],
            ["things: trigger never, which old code does not know"],
        ),
    ],
)
def test_what_breaks_old_code_is_found_however_it_is_written(change: list[str], found: list[str]) -> None:
    assert list(contractions(*_both_sides(change))) == found


@pytest.mark.parametrize(
    "change",
    [
        ["CREATE TABLE more (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"],
        ["ALTER TABLE things ADD COLUMN kind TEXT"],
        ["ALTER TABLE things ADD COLUMN kind TEXT NOT NULL DEFAULT ''"],
        ["ALTER TABLE things ADD COLUMN other_id INTEGER REFERENCES other (id)"],
        [
            "ALTER TABLE things ADD COLUMN kind TEXT",
            "CREATE UNIQUE INDEX one ON things (kind) WHERE kind <> ''",
        ],
        ["CREATE INDEX some ON things (name)"],
        [ANEW, FORMER[1].replace("VARCHAR(20)", "VARCHAR(40)").replace("VARCHAR(8)", "TEXT")],
        [ANEW, FORMER[1].replace("VARCHAR(20) NOT NULL", "VARCHAR(20)")],
    ],
)
def test_what_only_adds_or_widens_is_left_alone(change: list[str]) -> None:
    before, after = _both_sides(change)
    assert list(contractions(before, after)) == []
    assert indexed(before, after) == [table for table in ("things",) if "INDEX" in change[-1]]


def _both_sides(change: list[str]) -> tuple[Schema, Schema]:
    with create_engine("sqlite://").connect() as connection:
        for sql in FORMER:
            connection.execute(text(sql))
        before = schema_of(connection)
        for sql in change:
            connection.execute(text(sql))
        return before, schema_of(connection)
