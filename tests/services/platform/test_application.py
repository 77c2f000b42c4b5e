"""The application that every process has, and the engine on it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, QueuePool, select, text

from app import create_app
from models import Account, Base
from services.core.database_url import sqlalchemy_url
from services.core.errors import ConfigurationError
from services.core.settings import Settings
from services.platform.application import db, new_application
from services.platform.platform import Platform
from tests.conftest import settings_for

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.data
def test_use_cases_work_on_the_engine_of_flask_sqlalchemy(platform: Platform) -> None:
    with platform.app.app_context():
        assert db.engine is platform.database.engine
    assert db.metadata is Base.metadata


@pytest.mark.data
def test_what_the_web_answers_with_is_the_same_application(platform: Platform) -> None:
    assert create_app(platform) is platform.app


def test_an_application_is_made_without_touching_anything(tmp_path: Path) -> None:
    settings = settings_for(tmp_path).model_copy(update={"data_dir": tmp_path / "new"})
    assert new_application(settings).instance_path == str(tmp_path / "new")
    lost = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    assert Platform(lost).database.engine.url.port == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.data
def test_settings_size_the_pool_and_no_error_carries_values(settings: Settings) -> None:
    platform = Platform(settings.model_copy(update={"db_pool_size": 3, "db_max_overflow": 1}))
    engine = platform.database.engine
    assert isinstance(engine.pool, QueuePool)
    assert (engine.pool.size(), engine.pool._max_overflow, engine.hide_parameters) == (3, 1, True)
    assert engine.pool._pre_ping is (engine.dialect.name == "postgresql")


@pytest.mark.data
def test_a_configuration_that_is_shown_does_not_show_the_password(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, "postgresql://ana:very-secret@db.example/x")
    assert "very-secret" not in repr(new_application(settings).config)


def test_every_connection_of_sqlite_is_set_up_alike(platform: Platform) -> None:
    engine = platform.database.engine
    with engine.connect() as one, engine.connect() as two:
        for connection in (one, two):
            found = [
                connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
            assert found == ["wal", 2, 1]


def test_a_writer_takes_the_lock_of_sqlite_when_it_begins_and_a_reader_does_not(platform: Platform) -> None:
    with platform.database.reading() as session, platform.database.transaction():
        session.execute(select(Account))
        assert _is_locked(platform.database.engine)
    assert not _is_locked(platform.database.engine)
    with platform.database.reading() as session:
        session.execute(select(Account))
        assert not _is_locked(platform.database.engine)


def test_a_view_leaves_nothing_in_the_sessions_of_the_extension(platform: Platform) -> None:
    app = create_app(platform)
    assert app.test_client().get("/health/ready").status_code in (200, 503)
    assert db.session.registry.registry == {}


def test_a_relative_file_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flask-SQLAlchemy would put it into its instance folder; an installation from before would look empty."""
    settings = settings_for(tmp_path / "data", "sqlite:///relative.db")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    database = Platform(settings).database
    monkeypatch.chdir(tmp_path)  # as an absolute path it stays where it was
    database.ping()
    database.dispose()
    assert (tmp_path / "here" / "relative.db").exists()
    assert [file.name for file in tmp_path.rglob("relative.db*") if file.parent.name != "here"] == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", "sqlite:////data/flotilla.db"),
        ("sqlite:////srv/other.db", "sqlite:////srv/other.db"),
        ("sqlite:///other.db", "sqlite:////cwd/other.db"),
        ("sqlite:///file:other.db?uri=true", "sqlite:///file%3A/cwd/other.db?uri=true"),
        ("postgres://u:p@h/n", "postgresql+psycopg://u:p@h/n"),
        (
            "postgresql://u:p%40@h:5433/n?sslmode=require",
            "postgresql+psycopg://u:p%40@h:5433/n?sslmode=require",
        ),
        ("postgresql+psycopg://h/n", "postgresql+psycopg://h/n"),
    ],
)
def test_an_address_becomes_sqlalchemy_s(given: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "absolute", lambda path: Path("/cwd") / path)
    url = sqlalchemy_url(given, Path("/data"))
    assert url.render_as_string(hide_password=False) == meant


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql://h/n",
        "postgresql+asyncpg://h/n",
        "postgresql://u:very-secret@h:port/n",
        "postgresql:h",
        "flotilla.db",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_an_address_that_cannot_work_is_named_without_being_shown(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_for(tmp_path, wrong)
    assert "DATABASE_URL: must look like" in caught.value.message
    assert "very-secret" not in caught.value.message


def test_no_process_that_serves_carries_what_migrates(tmp_path: Path) -> None:
    """Imported one after the other, as each takes two seconds: what is there after one was not brought by those before."""
    told = (
        "import importlib, sys\n"
        "for process in ('jobs.worker', 'jobs.clock', 'jobs.poller', 'jobs.programs', 'wsgi'):\n"
        "    importlib.import_module(process)\n"
        "    print(process, [name for name in ('alembic', 'flask_migrate') if name in sys.modules])\n"
    )
    environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "FLASK_SKIP_DOTENV": "1"}
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "jobs.worker []",
        "jobs.clock []",
        "jobs.poller []",
        "jobs.programs []",
        "wsgi []",
    ]


def test_a_thread_without_an_application_context_works(platform: Platform) -> None:
    found: list[int] = []

    def read() -> None:
        with platform.database.reading() as session:
            found.append(len(session.scalars(select(Account)).all()))

    with platform.app.app_context():
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(10)
    assert found == [0]


def test_two_platforms_have_two_applications(settings: Settings) -> None:
    one, two = Platform(settings), Platform(settings)
    assert isinstance(one.app, Flask)
    assert one.app is not two.app
    assert one.database.engine is not two.database.engine


def _is_locked(engine: Engine) -> bool:
    """Whether somebody holds SQLite's write lock."""
    with sqlite3.connect(str(engine.url.database), timeout=0, isolation_level=None) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return True
        return False
