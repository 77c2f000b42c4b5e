"""Room for a file, counted before the file is fetched: two processes cannot fill it twice, and an update stores once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from models import Bot, StoredFile
from plugins.files import FileRefused
from services.core.times import utc_now
from services.platform.accounts.quotas import lock_account
from services.platform.files.names import new_stored_name
from services.platform.platform import Platform

MEGABYTE: Final = 2**20


@dataclass(frozen=True)
class Wanted:
    """A file that is to be fetched. `size` is the room for it, in bytes."""

    bot_id: int
    update_id: int
    telegram_id: int
    kind: str
    name: str
    file_unique_id: str
    size: int


def reserve(platform: Platform, account_id: int, wanted: Wanted) -> StoredFile:
    """The row of the file: a finished one that an earlier handling of the update made, or one with room for it.

    A reservation that somebody left behind is taken over; who made it cannot finish it any more. Raises FileRefused `quota`,
    Unavailable.
    """
    with platform.database.transaction() as session:
        lock_account(session, account_id)
        if session.get(Bot, wanted.bot_id) is None:
            raise FileRefused("gone")
        row = session.scalar(
            select(StoredFile).where(
                StoredFile.bot_id == wanted.bot_id,
                StoredFile.update_id == wanted.update_id,
                StoredFile.file_unique_id == wanted.file_unique_id,
            )
        )
        if row is not None and row.stored_at is not None:
            return row
        _check_room(session, platform, account_id, wanted.size - (row.size if row else 0))
        if row is None:
            row = StoredFile(account_id=account_id, **vars(wanted), stored_name=new_stored_name())
            session.add(row)
        else:
            row.size, row.stored_name = wanted.size, new_stored_name()
        session.flush()
        return row


def finish(platform: Platform, row: StoredFile, *, size: int, mime: str, sha256: str) -> bool:
    """Say that the file of the reservation is there; False when it is somebody else's by now, or gone. Raises Unavailable."""
    values = {"size": size, "mime": mime, "sha256": sha256, "stored_at": utc_now()}
    with platform.database.transaction() as session:
        result = session.execute(update(StoredFile).where(*_still(row)).values(values))
        return bool(getattr(result, "rowcount", 0))


def give_back(platform: Platform, row: StoredFile) -> None:
    """End the reservation, if it still is this one. Raises Unavailable; what stays then is swept away later."""
    with platform.database.transaction() as session:
        session.execute(delete(StoredFile).where(*_still(row)))


def used_bytes(session: Session, account_id: int) -> int:
    """The bytes that the files of an account take, those included for which room is kept."""
    taken = select(func.sum(StoredFile.size)).where(StoredFile.account_id == account_id)
    return int(session.scalar(taken) or 0)


def _still(row: StoredFile) -> tuple[ColumnElement[bool], ...]:
    return (
        StoredFile.id == row.id,
        StoredFile.stored_name == row.stored_name,
        StoredFile.stored_at.is_(None),
    )


def _check_room(session: Session, platform: Platform, account_id: int, more: int) -> None:
    most = platform.settings.quota_files_mb * MEGABYTE
    if most and used_bytes(session, account_id) + more > most:
        raise FileRefused("quota")
