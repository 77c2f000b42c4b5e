"""What is left of the library's files: reservations that nobody finishes, and files without a row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from models import Media
from services.fleet.media.storing import folder
from services.platform.files.folder import PART
from services.platform.platform import Platform

ABANDONED: Final = timedelta(hours=1)  # an upload is over long before
BATCH: Final = 500


def sweep_library(platform: Platform, now: datetime) -> int:
    """Delete both; how many files and rows.

    A file's row is there before the file, so the folder is read before the rows: what is being written is never taken.
    """
    with platform.database.transaction() as session:
        left = delete(Media).where(Media.stored_at.is_(None), Media.created_at < now - ABANDONED)
        swept = int(getattr(session.execute(left), "rowcount", 0))
    files = folder(platform.settings)
    return swept + sum(_sweep_account(platform, account_id) for account_id in files.accounts())


def _sweep_account(platform: Platform, account_id: int) -> int:
    lying, swept = folder(platform.settings).listed(account_id), 0
    for first in range(0, len(lying), BATCH):
        some = {path: path.name.removesuffix(PART) for path in lying[first : first + BATCH]}
        with platform.database.reading() as session:
            known = set(
                session.scalars(select(Media.stored_name).where(Media.stored_name.in_(some.values())))
            )
        for path, name in some.items():
            if name not in known:
                path.unlink(missing_ok=True)
                swept += 1
    return swept
