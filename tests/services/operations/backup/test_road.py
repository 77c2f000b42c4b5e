"""There and back: what an installation holds is on another machine, each click once, however the copies were ordered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, func, select, text

from models import Click
from services.core.errors import Conflict, Unavailable
from services.operations.backup import creating, database_copy
from services.operations.backup.creating import create_backup
from services.operations.backup.reports import LEASE, backup_report
from services.operations.backup.restoring import has_accounts, restore_backup
from services.operations.backup.stores import FolderStore, backup_folder
from services.platform.database import Database
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.flush import flush
from services.traffic.clicks.stream_audit import check_clicks
from tests.services.fleet.pools.fleet import new_account, new_pool
from tests.services.traffic.clicks.clicking import click, unstarted

Elsewhere = Callable[..., Platform]


@pytest.fixture
def target_database(platform: Platform, tmp_path: Path) -> str:
    """An empty database of the kind of the test's own."""
    if platform.database.is_sqlite:
        return f"sqlite:///{tmp_path}/target.db"
    url = platform.database.engine.url
    name = f"{url.database}_target"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"postgresql://{url.username}@{url.host}:{url.port}/{name}"


def clicks_of(platform: Platform) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Click)) or 0


def opened(platform: Platform, name: str) -> AbstractContextManager[BinaryIO]:
    return FolderStore(backup_folder(platform.settings)).opened(name)


@pytest.mark.data
def test_all_comes_back_and_each_click_once(
    platform: Platform, elsewhere: Elsewhere, target_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = new_pool(platform, new_account(platform), "red1", 2)
    road = unstarted(platform)
    for _ in range(5):
        click(road)
    assert flush(platform) == 5
    for _ in range(4):
        click(road)
    platform.redis.set(keys.conversation(1, 2, 3), "asks", ex=500)
    platform.redis.set(keys.outbox(7, "reply"), "waits")
    for folder, file in (("custom", "mine.py"), ("bots", "shop.yaml")):
        root = {"custom": platform.settings.plugins_dir, "bots": platform.settings.config_dir}[folder]
        root.mkdir(parents=True)
        (root / file).write_text(folder)
    upload = platform.settings.data_dir / "files" / "1" / ("a" * 32)
    upload.parent.mkdir(parents=True)
    upload.write_bytes(os.urandom(300_000))
    copy = database_copy.copy_database

    def others_go_on(database: Database, target: Path) -> None:
        """Between the copies of Redis and of the database the flusher stores what the first one shows as waiting."""
        assert flush(platform) == 4
        for _ in range(3):
            click(road)
        assert flush(platform) == 3
        copy(database, target)

    monkeypatch.setattr(creating, "copy_database", others_go_on)
    made = create_backup(platform)
    assert backup_report(platform).last_name == made.backup.name
    key = (platform.settings.data_dir / "backup.key").read_text().strip()
    there = elsewhere(backup_key=SecretStr(key), database_url=target_database)
    with opened(platform, made.backup.name) as stored:
        restored = restore_backup(there, stored)
    assert restored.files == {"spool": 0, "plugins": 1, "config": 1, "files": 1}
    assert there.redis.get(keys.conversation(1, 2, 3)) == "asks"
    assert 0 < there.redis.ttl(keys.conversation(1, 2, 3)) <= 500
    assert there.redis.get(keys.outbox(7, "reply")) == "waits"
    assert (there.settings.plugins_dir / "mine.py").read_text() == "custom"
    assert (there.settings.data_dir / "files" / "1" / ("a" * 32)).read_bytes() == upload.read_bytes()
    assert clicks_of(there) == 12
    assert there.redis.xlen(keys.click_stream()) == 0, "what the database has is not played in again"
    click(unstarted(there))
    assert flush(there) == 1
    found = check_clicks(there)
    assert (found.lost, found.clicks) == (0, 13)
    assert pool.id
    there.database.dispose()


@pytest.mark.data
def test_a_database_that_was_not_filled_is_filled_the_next_time(platform: Platform, tmp_path: Path) -> None:
    """PostgreSQL's is empty after a restore that failed; SQLite's is whatever the file was. Once more mends both."""
    new_pool(platform, new_account(platform), "red1", 2)
    click(unstarted(platform))
    assert flush(platform) == 1
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    database_copy.copy_database(platform.database, whole)
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    if platform.database.is_sqlite:
        database_copy.put_database(platform.database, broken)
    else:
        with pytest.raises(Unavailable) as failed:
            database_copy.put_database(platform.database, broken)
        assert failed.value.code == "backup_database_failed"
        assert not has_accounts(platform.database)
    database_copy.put_database(platform.database, whole)
    assert clicks_of(platform) == 1


def test_what_waited_in_redis_is_stored_after_the_restore(platform: Platform, elsewhere: Elsewhere) -> None:
    new_pool(platform, new_account(platform), "red1", 2)
    for _ in range(6):
        click(unstarted(platform))
    made = create_backup(platform)
    there = elsewhere(backup_key=SecretStr((platform.settings.data_dir / "backup.key").read_text().strip()))
    with opened(platform, made.backup.name) as file:
        restore_backup(there, file)
    assert flush(there) == 6
    assert check_clicks(there).lost == 0


def test_a_copy_goes_on_beside_writers(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is that of the beginning; a writer in another connection neither waits nor makes it begin anew."""
    monkeypatch.setattr(database_copy, "STEP_PAGES", 2)
    written: list[int] = []

    def write(*_: object) -> None:
        with platform.database.transaction(patience=0.1) as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        written.append(1)

    monkeypatch.setattr(time, "sleep", write)
    database_copy.copy_database(platform.database, tmp_path / "copy.db")
    assert len(written) > 10
    engine = create_engine(f"sqlite:///{tmp_path}/copy.db")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) != "9999"
    engine.dispose()


def test_a_second_one_at_the_same_time_is_refused(platform: Platform) -> None:
    held = platform.leases.take(LEASE)
    assert held is not None
    with pytest.raises(Conflict) as refused:
        create_backup(platform)
    assert refused.value.code == "backup_running"
    held.release()
    assert create_backup(platform).backup.size > 0


def test_a_maker_that_died_leaves_nothing_to_list(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    folder = backup_folder(platform.settings)
    left = folder / ".making-dead" / f"flotilla-20260101T000000Z-{'0' * 8}.age"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with monkeypatch.context() as patch:
        patch.setattr(creating, "write_archive", die)
        with pytest.raises(KeyboardInterrupt):
            create_backup(platform)
    assert FolderStore(folder).backups() == []
    made = create_backup(platform)
    assert [one.name for one in FolderStore(folder).backups()] == [made.backup.name]
    assert [path.name for path in folder.iterdir()] == [made.backup.name]
    assert time.time() - made.backup.made_at.timestamp() < 60
