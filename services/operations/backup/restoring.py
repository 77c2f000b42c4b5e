"""An installation from a backup: everything is unpacked and checked beside, then put in place."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from sqlalchemy import inspect, text

from models import ClickLedger
from services.core.errors import ConfigurationError, Conflict, FlotillaError, InvalidInput, Unavailable
from services.core.i18n import Text
from services.operations.backup.archive import Progress, damaged, read_archive
from services.operations.backup.creating import OWNER, sources
from services.operations.backup.database_copy import check_same_kind, put_database
from services.operations.backup.keys import backup_identity
from services.operations.backup.private_redis import embedded_folder, private_redis
from services.operations.backup.redis_dump import check_loadable, clear, has_data, load_dump
from services.platform import schema
from services.platform.database import Database
from services.platform.numbering import keep_ahead
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.heartbeats import processes

logger = logging.getLogger(__name__)
LOCK: Final = "launch.lock"  # held by whatever `make run` started


@dataclass(frozen=True)
class Restored:
    """What came back: when the backup was made, its schema, and how many keys of Redis and files of each folder."""

    made_at: str
    schema: str
    redis_keys: int
    files: dict[str, int]


def restore_backup(
    platform: Platform, source: BinaryIO, *, replace: bool = False, progress: Progress = lambda size: None
) -> Restored:
    """Make this installation the one of the backup. Nothing is touched before everything is known to be good.

    Raises InvalidInput ("backup_foreign", "backup_damaged", "backup_newer_schema", "backup_newer_format",
    "restore_redis_refused"), ConfigurationError ("backup_wrong_key", "backup_other_encryption_keys"), Conflict
    ("restore_while_running", "restore_target_not_empty", "backup_other_database"), Unavailable, RedisError.
    """
    platform.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _nobody_else(platform.settings.data_dir), _redis_of(platform) as target:
        return restore_into(target, source, replace=replace, progress=progress)


def restore_into(
    platform: Platform, source: BinaryIO, *, replace: bool = False, progress: Progress = lambda size: None
) -> Restored:
    """`restore_backup` on a platform whose Redis runs and whose DATA_DIR nobody else uses."""
    identity = backup_identity(platform.settings)
    _check_nobody_works(platform)
    if not replace:
        _check_empty(platform)
    with _staging(platform.settings.data_dir) as folder:
        header = read_archive(source, identity, folder, lambda head: _check_header(platform, head), progress)
        if not (folder / "database").is_file() or not (folder / "redis").is_file():
            raise damaged()
        check_loadable(platform.job_redis, folder / "redis")
        return _put(platform, folder, header, replace)


def _put(platform: Platform, folder: Path, header: dict[str, Any], replace: bool) -> Restored:
    """From here on the former installation is gone; a death in between is mended by restoring once more with `replace`."""
    redis = platform.job_redis
    clear(redis)
    put_database(platform.database, folder / "database")
    schema.upgrade(platform)
    redis_keys = load_dump(redis, folder / "redis")
    _settle_clicks(platform)
    targets = {"spool": platform.settings.data_dir / "spool", **sources(platform.settings)}
    files = {name: _put_folder(folder / name, target, replace) for name, target in targets.items()}
    keep_ahead(platform)
    logger.info("backup restored", extra={"made_at": header["made_at"], "keys": redis_keys})
    return Restored(str(header["made_at"]), str(header["schema"]), redis_keys, files)


def _settle_clicks(platform: Platform) -> None:
    """The copy of the stream is older than the database's: what its ledger has settled leaves, and a new life begins.

    Clicks are told apart by id, so none would count twice; without this the audit of the stream would miss some.
    """
    redis = platform.redis
    life = redis.get(keys.click_life())
    with platform.database.reading() as session:
        ledger = session.get(ClickLedger, str(life)) if life else None
        last = ledger.last_entry if ledger else ""
    if last:
        while settled := redis.xrange(keys.click_stream(), max=last, count=1000):
            redis.xdel(keys.click_stream(), *(str(entry) for entry, _ in settled))
    redis.delete(keys.click_life())


def _check_header(platform: Platform, header: dict[str, Any]) -> None:
    if not str(header["schema"]).isdecimal() or int(header["schema"]) > int(schema.newest()):
        raise InvalidInput(
            Text(
                "The backup's schema is {there}, this release knows {here}; install the release it was made with, or a newer one",
                there=str(header["schema"]),
                here=schema.newest(),
            ),
            code="backup_newer_schema",
        )
    check_same_kind(platform.database, str(header["database"]))
    try:
        platform.vault.unseal(str(header["sealed"]), owner=OWNER)
    except ConfigurationError:
        raise ConfigurationError(
            "ENCRYPTION_KEYS: they do not open the tokens in this backup; give those of the installation it was made from "
            "(keys.json of its DATA_DIR, where none were set)",
            code="backup_other_encryption_keys",
        ) from None


def _check_nobody_works(platform: Platform) -> None:
    alive = sorted({process.service for process in processes(platform) if process.is_alive})
    if alive:
        raise Conflict(
            Text("Processes are running ({names}); stop them and restore again", names=", ".join(alive)),
            code="restore_while_running",
        )


def _check_empty(platform: Platform) -> None:
    filled = [
        name for name, path in sources(platform.settings).items() if name == "files" and _is_filled(path)
    ]
    if has_accounts(platform.database):
        filled.append("database")
    if has_data(platform.job_redis):
        filled.append("Redis")
    if filled:
        raise Conflict(
            Text(
                "There is an installation here already ({parts}); with --replace it is lost",
                parts=", ".join(filled),
            ),
            code="restore_target_not_empty",
        )


def has_accounts(database: Database) -> bool:
    """Whether somebody uses this database. Raises Unavailable."""
    with database.reading() as session:
        if not inspect(session.connection()).has_table("accounts"):
            return False
        return session.execute(text("SELECT 1 FROM accounts LIMIT 1")).first() is not None


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _put_folder(source: Path, target: Path, replace: bool) -> int:
    """Put the files of `source` into `target`, and with `replace` no others stay there; how many are there.

    The folder itself stays: it may be a mount of its own.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in target.iterdir() if replace else ():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    return sum(path.is_file() for path in target.rglob("*"))


@contextmanager
def _staging(data_dir: Path) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=data_dir) as folder:
            yield Path(folder)
    except FlotillaError:
        raise
    except OSError as error:
        raise Unavailable(
            Text("The backup could not be unpacked: {reason}", reason=error.strerror or str(error)),
            code="restore_failed",
        ) from error


@contextmanager
def _nobody_else(data_dir: Path) -> Iterator[None]:
    """Hold what the launcher locks while an installation runs in DATA_DIR. Raises Conflict."""
    descriptor = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Conflict(
            Text(
                "An installation is running with DATA_DIR={folder}; stop it and restore again",
                folder=str(data_dir),
            ),
            code="restore_while_running",
        ) from None
    finally:
        os.close(descriptor)


@contextmanager
def _redis_of(platform: Platform) -> Iterator[Platform]:
    """The platform with a Redis that runs: the one of REDIS_URL, or the embedded one, which nobody else has started."""
    settings = platform.settings
    if settings.redis_url:
        yield platform
        return
    folder = embedded_folder(settings.data_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    running: AbstractContextManager[str] = private_redis(folder)
    with running as url:
        yield Platform(settings.model_copy(update={"redis_url": url}))
