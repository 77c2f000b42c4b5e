"""An installation whose processes are `flotilla_app` of deploy/postgres/roles.sql, on a real PostgreSQL: rows, no tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from launch.programs import ROOT
from models import AuditEvent, Click, Lead, RedirectPool
from services.fleet.bots.webhook_secret import webhook_secret
from services.messaging.updates.webhook_auth import SECRET_HEADER
from services.platform import schema
from services.platform.numbering import keep_ahead
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.flush import flush
from tests.blueprints.people import make_account, make_key, sign_in
from tests.conftest import settings_for
from tests.services.fleet.pools.fleet import new_account, new_pool
from tools.servers.fleet import add_bot, message, working
from tools.servers.sandbox import Sandbox, wait_until

ROLES = (ROOT / "deploy/postgres/roles.sql").read_text()
FORBIDDEN = (
    "CREATE TABLE extra (id int)",
    "CREATE TEMPORARY TABLE extra (id int)",
    "CREATE SCHEMA extra",
    "CREATE FUNCTION extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE bots ADD COLUMN extra int",
    "ALTER TABLE audit_events DISABLE TRIGGER ALL",
    "DROP TABLE bots",
    "TRUNCATE clicks",
    "CREATE INDEX extra ON bots (id)",
    "UPDATE alembic_version SET version_num = '0001'",
    "CREATE ROLE extra",
    "ALTER ROLE flotilla_app SUPERUSER",
    "GRANT flotilla_owner TO flotilla_app",
    "SET ROLE flotilla_owner",
    "COPY bots TO '/tmp/bots'",
    "SELECT pg_read_file('/etc/passwd')",
)


@pytest.fixture
def database_url(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """A database of its own with both roles, migrated by the owner; as the application reaches it."""
    name = f"roles_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        url = postgres_url.replace("/postgres", f"/{name}", 1)
        _run_roles(url)
        owner = Platform(settings_for(tmp_path / "owner", url.replace("tests@", "flotilla_owner@")))
        schema.upgrade(owner)
        owner.database.dispose()
        _run_roles(url)
        yield url.replace("tests@", "flotilla_app@")
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.execute("DROP ROLE flotilla_app")
        server.execute("DROP ROLE flotilla_owner")


def _run_roles(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ROLES)


def test_clicks_updates_and_the_panel_need_rows_alone_and_tables_are_refused(
    platform: Platform, client: FlaskClient, visitor: FlaskClient, sandbox: Sandbox
) -> None:
    account = make_account(platform)
    assert sign_in(client).status_code == 302
    assert client.get("/panel/bots").status_code == 200
    key = make_key(platform, account)
    assert (
        client.post("/api/v1/redirect-pools", json={"name": "Red", "slug": "red2"}, headers=key).status_code
        == 201
    )
    assert _count(platform, RedirectPool) == 1
    assert _count(platform, AuditEvent) > 0
    new_pool(platform, new_account(platform), "red1", 1)
    assert visitor.get("/go/red1").status_code == 302
    flush(platform)
    assert _count(platform, Click) == 1
    _start_a_chat(platform, client, sandbox)
    platform.redis.hset(keys.given_numbers(), "bots", "500")
    assert keep_ahead(platform) == ["bots"]
    for statement in FORBIDDEN:
        with pytest.raises(ProgrammingError, match=r"permission denied|must be|only roles with|Only roles"):
            _execute(platform, statement)


def _start_a_chat(platform: Platform, client: FlaskClient, sandbox: Sandbox) -> None:
    identity, person = sandbox.create_bot(), sandbox.create_user()["id"]
    sandbox.start(person, identity["username"])  # a bot may write to those who have started it alone
    bot = add_bot(platform, identity)
    secret = webhook_secret(platform.vault, bot.path_id)
    answer = client.post(
        f"/webhook/{bot.path_id}", json=message(1, person, "/start"), headers={SECRET_HEADER: secret}
    )
    assert answer.status_code == 200
    with working(platform):
        wait_until(lambda: sandbox.sent(identity["username"]))
    assert _count(platform, Lead) == 1


def _count(platform: Platform, table: type) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def _execute(platform: Platform, statement: str) -> None:
    with platform.database.engine.connect() as connection:
        connection.execute(text(statement))


def test_a_role_with_rights_over_the_server_is_not_taken_for_the_application(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE ROLE flotilla_app SUPERUSER")
        try:
            with pytest.raises(psycopg.errors.RaiseException, match="rights over the whole server"):
                server.execute(ROLES)
        finally:
            server.execute("DROP ROLE flotilla_app")
            server.execute("DROP ROLE IF EXISTS flotilla_owner")
