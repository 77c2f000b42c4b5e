"""Files that have no row, and rows whose time is over."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, delete, select

from models import StoredFile
from services.fleet.media.sweep import sweep_library
from services.messaging.files.program_files import ProgramFiles
from services.platform.files.folder import PART, FileFolder
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
BATCH: Final = 500
ABANDONED: Final = timedelta(
    hours=1
)  # a reservation that its handler, or the next one, would long have finished


def sweep_all_files(platform: Platform, now: datetime) -> int:
    """Delete reservations that nobody finishes, files of calls that nobody makes any more, and of libraries, then what has no row; how many but of the last."""
    deleted = _delete_rows(platform, StoredFile.stored_at.is_(None), now - ABANDONED)
    deleted += ProgramFiles(platform).sweep(now)
    deleted += sweep_library(platform, now)
    for account_id in FileFolder(platform.settings).accounts():
        sweep_files(platform, account_id)
    return deleted


def delete_files_before(platform: Platform, moment: datetime) -> int:
    """Delete the rows of kept files that are older than `moment`; how many. The files themselves go with the next sweep."""
    return _delete_rows(platform, StoredFile.stored_at.is_not(None), moment)


def sweep_files(platform: Platform, account_id: int) -> int:
    """Delete the files in an account's folder that no row names, as after the deletion of a bot; how many.

    A file's row is there before the file, so the folder is read before the rows: what is being written is never taken.
    """
    swept = 0
    for file in _orphans(platform, FileFolder(platform.settings).listed(account_id)):
        file.unlink(missing_ok=True)
        swept += 1
    if swept:
        logger.info("files without a row were deleted", extra={"files": swept})
    return swept


def _orphans(platform: Platform, files: list[Path]) -> Iterator[Path]:
    for first in range(0, len(files), BATCH):
        some = files[first : first + BATCH]
        names = [file.name.removesuffix(PART) for file in some]
        with platform.database.reading() as session:
            known = set(
                session.scalars(select(StoredFile.stored_name).where(StoredFile.stored_name.in_(names)))
            )
        yield from (file for file, name in zip(some, names, strict=True) if name not in known)


def _delete_rows(platform: Platform, condition: ColumnElement[bool], before: datetime) -> int:
    """The rows alone: their files have none then, and go with the others."""
    deleted = 0
    while True:
        with platform.database.transaction() as session:
            old = select(StoredFile.id).where(condition, StoredFile.created_at < before).limit(BATCH)
            ids = list(session.scalars(old))
            session.execute(delete(StoredFile).where(StoredFile.id.in_(ids)))
        deleted += len(ids)
        if len(ids) < BATCH:
            return deleted
