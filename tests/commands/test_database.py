"""`flask db`: the schema's migrations, on both databases, with rows in them."""

from __future__ import annotations

import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

from app import create_app
from services.core.settings import Settings
from services.platform.accounts.trail_check import check_trail
from services.platform.platform import Platform
from services.platform.schema import MIGRATIONS, newest, revision
from tests.commands.running import flask, forked_flask, start_forked_flask

LATEST = 2
TRIAL = """
import os, time
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "{number}", "{newest}", None, None

def upgrade():
    op.create_table("trial", sa.Column("id", sa.Integer, primary_key=True))
    {body}

def downgrade():
    op.drop_table("trial")
"""


@pytest.fixture
def empty(platform: Platform) -> Platform:
    """The platform on a database without a single table."""
    tables = MetaData()
    tables.reflect(platform.database.engine)
    tables.drop_all(platform.database.engine)
    assert inspect(platform.database.engine).get_table_names() == []
    return platform


@pytest.mark.data
def test_an_empty_database_is_upgraded_step_by_step_and_what_was_done_is_told(empty: Platform) -> None:
    done = db(empty, "upgrade")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "up to 0001: first tables"
    assert [line.split()[2] for line in lines[:-1]] == [f"{name}:" for name in _numbers()]
    assert lines[-1] == f"The database is up to date, at {newest()}."
    assert db(empty, "check").exit_code == 0


@pytest.mark.data
def test_an_upgrade_of_what_is_new_does_nothing_and_says_so(platform: Platform) -> None:
    done = db(platform, "upgrade")
    assert (done.exit_code, done.stdout) == (0, f"The database is up to date, at {newest()}.\n")


@pytest.mark.data
def test_check_is_clean_and_tells_what_is_not(platform: Platform) -> None:
    assert db(platform, "check").exit_code == 0
    with platform.database.transaction() as session:
        session.execute(text("ALTER TABLE bots DROP COLUMN status_reason"))
    done = db(platform, "check")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "bots" in done.stderr
    assert "status_reason" in done.stderr


@pytest.mark.data
def test_an_installation_of_any_earlier_release_is_upgraded_with_its_rows(furnished: Platform) -> None:
    """Its rows stay, and the tables are what the models say: from each of the latest, and step by step from the first."""
    *earlier, _newest = _numbers()
    app = create_app(Platform(furnished.settings))
    for number in reversed(earlier[-LATEST:]):
        assert _run(app, "downgrade", number).exit_code == 0
        before = _census(furnished)
        done = _run(app, "upgrade")
        assert done.exit_code == 0, done.output
        _assert_kept(furnished, before)
        assert _run(app, "check").exit_code == 0
    for number in reversed(earlier):
        assert _run(app, "downgrade", number).exit_code == 0
    first = _census(furnished)
    assert first["accounts"] == first["leads"] == first["clicks"] == first["pool_bots"] == 1
    for number in (*earlier[1:], newest()):
        assert _run(app, "upgrade", number).exit_code == 0
        _assert_kept(furnished, first)
    assert _run(app, "check").exit_code == 0
    check = check_trail(furnished)
    assert (check.entries, check.broken) == (1, ()), "entries of before it was a chain were chained"


def _assert_kept(platform: Platform, before: dict[str, int]) -> None:
    """Every table that was there has as many rows as before."""
    assert {name: count for name, count in _census(platform).items() if name in before} == before


@pytest.mark.data
def test_a_downgrade_takes_back_the_newest_migration(furnished: Platform) -> None:
    done = db(furnished, "downgrade")
    assert done.exit_code == 0
    before = _numbers()[-2]
    assert done.stdout.splitlines()[-1] == f"The database is at {before}; the newest migration is {newest()}."
    assert revision(furnished.database) == before


def test_the_command_line_names_where_the_database_stands(settings: Settings) -> None:
    assert flask(settings, "db", "current").stdout == f"{newest()} (head)\n"
    history = flask(settings, "db", "history")
    assert (history.returncode, history.stderr) == (0, "")
    assert len(history.stdout.splitlines()) == len(_numbers())


@pytest.mark.data
def test_two_releases_at_once_take_turns(empty: Platform, tmp_path: Path) -> None:
    folder = _with_trial(tmp_path, "time.sleep(1)")
    both = [start_forked_flask(empty, "db", "upgrade", "-d", str(folder)) for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    assert [done.returncode for done in told] == [0, 0], told
    steps = [len(re.findall("^up to", done.stdout, re.MULTILINE)) for done in told]
    assert sorted(steps) == [0, len(_numbers()) + 1]


@pytest.mark.data
def test_a_step_that_fails_leaves_the_database_as_it_was(empty: Platform, tmp_path: Path) -> None:
    folder = _with_trial(tmp_path, "op.execute('SELECT no_such_column FROM trial')")
    done = db(empty, "upgrade", "-d", str(folder))
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "nothing was changed" in done.stderr
    assert "no_such_column" in done.stderr
    assert inspect(empty.database.engine).get_table_names() == []
    assert db(empty, "upgrade").exit_code == 0


@pytest.mark.data
def test_a_release_that_dies_half_way_leaves_the_database_as_it_was(empty: Platform, tmp_path: Path) -> None:
    folder = _with_trial(tmp_path, "os._exit(9)")
    died = forked_flask(empty, "db", "upgrade", "-d", str(folder))
    assert died.returncode == 9
    assert "up to 0012" in died.stdout
    assert inspect(empty.database.engine).get_table_names() == []
    assert db(empty, "upgrade").exit_code == 0


@pytest.mark.data
def test_a_table_made_anew_keeps_what_points_to_it(furnished: Platform, tmp_path: Path) -> None:
    """SQLite alters by copying, and to drop the old table with foreign keys on would delete whatever hangs on it."""
    body = 'batch = op.batch_alter_table("accounts")\n    with batch as table: table.alter_column("locale", server_default="en")'
    before = _census(furnished)
    done = db(furnished, "upgrade", "-d", str(_with_trial(tmp_path, body)))
    assert done.exit_code == 0, done.output
    assert {name: count for name, count in _census(furnished).items() if name != "trial"} == before
    with furnished.database.reading() as session:
        if furnished.database.is_sqlite:
            assert session.scalar(text("PRAGMA foreign_keys")) == 1
    # Triggers that speak of the table do so of the new one.
    with pytest.raises(DBAPIError, match="audit trail"), furnished.database.transaction() as session:
        session.execute(text("DELETE FROM audit_events"))
    with furnished.database.transaction() as session:
        session.execute(text("DELETE FROM accounts"))
    assert _census(furnished)["audit_events"] == 0


@pytest.mark.data
def test_an_upgrade_behind_somebody_who_reads_for_long_keeps_nobody_waiting(
    furnished: Platform, tmp_path: Path
) -> None:
    """Its table is held by an open transaction: it gives way again and again, and is done as soon as that ends."""
    body = 'op.add_column("bots", sa.Column("trial", sa.Text(), server_default=""))'
    folder = _with_trial(tmp_path, body)
    waits: list[float] = []
    with ThreadPoolExecutor(1) as beside, furnished.database.reading() as long:
        long.execute(text("SELECT id FROM bots")).all()
        upgrade = beside.submit(db, furnished, "upgrade", "-d", str(folder))
        ends = time.monotonic() + 2.5
        while time.monotonic() < ends and not upgrade.done():
            began = time.monotonic()
            with furnished.database.reading() as session:
                session.execute(text("SELECT id FROM bots")).all()
            waits.append(time.monotonic() - began)
        kept_waiting = not upgrade.done()
        long.rollback()
        done = upgrade.result(30)
    assert done.exit_code == 0, done.output
    assert max(waits) < 0.95, "whoever reads waits half a second at most, and what this machine adds"
    # SQLite's readers are in nobody's way.
    assert ("in use for long" in done.stderr) == kept_waiting == (not furnished.database.is_sqlite)


@pytest.mark.data
def test_a_migration_that_orphans_rows_is_refused(furnished: Platform, tmp_path: Path) -> None:
    before = _census(furnished)
    body = "op.execute('DELETE FROM experiments')"
    done = db(furnished, "upgrade", "-d", str(_with_trial(tmp_path, body)))
    if furnished.database.is_sqlite:
        assert (done.exit_code, _census(furnished)) == (1, before)
        assert "experiment_arms" in done.stderr
    else:
        assert (done.exit_code, _census(furnished)["experiment_arms"]) == (0, 0)  # it cascades as ever


@pytest.mark.data
def test_a_new_migration_gets_the_next_number_and_none_is_made_without_need(
    platform: Platform, tmp_path: Path
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    assert db(platform, "migrate", "-d", str(folder), "-m", "nothing new").exit_code == 0
    assert _numbers(folder) == _numbers()
    with platform.database.transaction() as session:
        session.execute(text("ALTER TABLE bots DROP COLUMN status_reason"))
    assert db(platform, "migrate", "-d", str(folder), "-m", "reasons again").exit_code == 0
    made = folder / "versions" / f"{int(newest()) + 1:04}_reasons_again.py"
    assert "batch_op.add_column(sa.Column('status_reason'" in made.read_text()


@pytest.mark.data
def test_a_database_of_a_newer_release_is_one_line(platform: Platform) -> None:
    with platform.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    done = db(platform, "upgrade")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "newer release" in done.stderr
    assert revision(platform.database) == "9999"


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "check"])
@pytest.mark.parametrize(
    "url", ["postgresql://ana:very-secret@127.0.0.1:1/none", "sqlite:////proc/nowhere/x.db"]
)
def test_a_database_that_does_not_answer_is_one_line_that_says_what_to_do(
    settings: Settings, command: str, url: str
) -> None:
    done = db(Platform(settings.model_copy(update={"database_url": url})), command)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "DATABASE_URL" in done.stderr
    assert "very-secret" not in done.stderr


def test_a_wrong_address_ends_the_release_with_one_line(platform: Platform) -> None:
    done = forked_flask(platform, "db", "upgrade", DATABASE_URL="postgresql://host:port/name")
    assert (done.returncode, done.stdout) == (2, "")
    assert "DATABASE_URL: must look like" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_of_sql_is_refused_because_migrations_read(platform: Platform) -> None:
    done = db(platform, "upgrade", "--sql")
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "--sql" in done.stderr


def db(platform: Platform, *arguments: str) -> Result:
    """Run `flask db …` in this process, on a fresh application."""
    return _run(create_app(Platform(platform.settings)), *arguments)


def _run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=["db", *arguments])


def _numbers(folder: Path = MIGRATIONS) -> list[str]:
    return sorted(file.name.partition("_")[0] for file in (folder / "versions").glob("[0-9]*.py"))


def _with_trial(tmp_path: Path, body: str) -> Path:
    """A copy of the migrations with one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    number = f"{int(newest()) + 1:04}"
    (folder / "versions" / f"{number}_trial.py").write_text(
        TRIAL.format(number=number, newest=newest(), body=body)
    )
    return folder


def _census(platform: Platform) -> dict[str, int]:
    """Rows per table that is there."""
    names = inspect(platform.database.engine).get_table_names()
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
    with platform.database.reading() as session:
        return {str(name): int(count) for name, count in session.execute(text(counts))}


@pytest.mark.parametrize(
    "url", ["postgresql://u:very-secret@localhost:9/x", "sqlite:////nowhere/flotilla.db"]
)
def test_without_its_database_an_upgrade_ends_with_one_line(settings: Settings, url: str) -> None:
    away = settings.model_copy(update={"database_url": url})
    done = flask(away, "db", "upgrade") if "sqlite" in url else forked_flask(Platform(away), "db", "upgrade")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("Error: The database could not be migrated, nothing was changed: ")
    assert line.endswith(" Is DATABASE_URL right, and the database up?")
    assert "very-secret" not in line
