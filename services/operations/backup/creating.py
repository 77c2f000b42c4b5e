"""Making a backup: copies of what changes, then everything in one encrypted file, then the old ones go."""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from services.core.errors import Unavailable
from services.core.i18n import Text
from services.core.settings import Settings
from services.core.times import iso, utc_now
from services.operations.backup import reports
from services.operations.backup.archive import FORMAT, Part, write_archive
from services.operations.backup.database_copy import copy_database
from services.operations.backup.keys import backup_identity
from services.operations.backup.progress import Work, alone
from services.operations.backup.redis_dump import dump_incoming_and_rest, dump_outgoing
from services.operations.backup.retention import delete_old
from services.operations.backup.stores import STAMP, StoredBackup, backup_folder, open_store
from services.platform import schema
from services.platform.application import ROOT
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
OWNER: Final = "backup"  # of the sealed word that tells whether ENCRYPTION_KEYS fit
WORD: Final = "flotilla"
WORK: Final = ".making-"  # beginning of the name of a folder in BACKUP_DIR where one is put together


@dataclass(frozen=True)
class Made:
    """A finished backup: `seconds` it took, `plain_bytes` that are in it."""

    backup: StoredBackup
    seconds: float
    plain_bytes: int
    redis_keys: int


class Meter(Protocol):
    """Shows how far a backup has come, in bytes."""

    def total(self, size: int) -> None:
        """So many bytes will come."""

    def done(self, size: int) -> None:
        """So many more have."""


class Unseen:
    """Nobody looks."""

    def total(self, size: int) -> None:
        """See Meter."""

    def done(self, size: int) -> None:
        """See Meter."""


@dataclass(frozen=True)
class Both:
    """One meter for two that look."""

    first: Meter
    second: Meter

    def total(self, size: int) -> None:
        """See Meter."""
        self.first.total(size)
        self.second.total(size)

    def done(self, size: int) -> None:
        """See Meter."""
        self.first.done(size)
        self.second.done(size)


def create_backup(platform: Platform, meter: Meter | None = None) -> Made:
    """Make a backup and keep what became of it. Raises Conflict while another is made, Unavailable, ConfigurationError, RedisError."""
    with alone(platform, Work.CREATE) as told:
        try:
            made = _create(platform, Both(told, meter or Unseen()))
        except Exception as error:
            reports.note_failure(platform, error)
            raise
        reports.note_success(platform, made.backup, made.seconds)
    logger.info(
        "backup made",
        extra={"backup": made.backup.name, "bytes": made.backup.size, "seconds": round(made.seconds, 1)},
    )
    return made


def _create(platform: Platform, meter: Meter) -> Made:
    began = time.monotonic()
    settings = platform.settings
    identity, store, at = backup_identity(settings), open_store(settings), utc_now()
    name = f"flotilla-{at.strftime(STAMP)}-{secrets.token_hex(4)}.age"
    with _work_folder(backup_folder(settings)) as folder:
        parts, redis_keys = _copies(platform, folder)
        total = sum(part.size for part in parts)
        meter.total(total)
        _check_room(backup_folder(settings), total)
        draft = folder / name
        write_archive(draft, identity, _header(platform, iso(at)), parts, meter.done)
        size = draft.stat().st_size
        store.add(draft, name)
    delete_old(settings, store)
    return Made(
        StoredBackup(name, at.replace(microsecond=0), size), time.monotonic() - began, total, redis_keys
    )


def _copies(platform: Platform, folder: Path) -> tuple[list[Part], int]:
    """What changes while it is read, copied in the order that loses nothing: spool, Redis, database, what goes out."""
    settings = platform.settings
    _copy_folder(settings.data_dir / "spool", folder / "spool")
    redis = platform.job_redis
    with (folder / "redis").open("xb") as file:
        count = dump_incoming_and_rest(redis, file)
        copy_database(platform.database, folder / "database")
        count += dump_outgoing(redis, file)
    for name, source in sources(settings).items():
        if name != "files":
            _copy_folder(source, folder / name)
    parts = [Part("database", folder / "database"), Part("redis", folder / "redis")]
    for name in ("spool", "plugins", "config"):
        parts += _files(name, folder / name)
    return [*parts, *_files("files", sources(settings)["files"])], count


def sources(settings: Settings) -> dict[str, Path]:
    """The folders of a backup by their name in it, but the spool's."""
    return {
        "plugins": ROOT / settings.plugins_dir,
        "config": ROOT / settings.config_dir,
        "files": settings.data_dir / "files",
    }


def _files(name: str, folder: Path) -> list[Part]:
    """Whole files below `folder`; those of people are written once under another name and never change."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [
        Part(f"{name}/{path.relative_to(folder).as_posix()}", path)
        for path in found
        if path.suffix != ".part"
    ]


def _copy_folder(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                shutil.copyfile(path, copy)
            except FileNotFoundError:  # replayed or deleted since it was listed
                copy.unlink(missing_ok=True)


def _header(platform: Platform, made_at: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_at": made_at,
        "schema": schema.revision(platform.database),
        "database": platform.database.engine.dialect.name,
        "sealed": platform.vault.seal(WORD, owner=OWNER),
    }


@contextmanager
def _work_folder(backups: Path) -> Iterator[Path]:
    """A folder beside the backups, gone afterwards; those of makers that died go first (the lease says that none works)."""
    try:
        backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in backups.glob(f"{WORK}*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = backups / f"{WORK}{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise Unavailable(
            Text(
                "BACKUP_DIR: {folder} cannot be written ({reason})",
                folder=str(backups),
                reason=str(error.strerror),
            ),
            code="backup_not_written",
        ) from None
    try:
        yield folder
    except OSError as error:
        raise Unavailable(
            Text("The backup could not be written: {reason}", reason=str(error.strerror)),
            code="backup_not_written",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size:  # it will be smaller, but how much nobody knows
        raise Unavailable(
            Text(
                "BACKUP_DIR has room for {free} MB, {size} are needed; make room",
                free=free // 2**20,
                size=size // 2**20,
            ),
            code="backup_disk_full",
        )
