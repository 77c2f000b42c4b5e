"""The kept files of a bot, for its owner: listed, read, deleted."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from typing_extensions import TypedDict

from models import Bot, StoredFile
from services.core.answer_types import Moment
from services.core.errors import NotFound
from services.core.times import iso
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.files.folder import FileFolder
from services.platform.platform import Platform


class FileView(TypedDict):
    """A file that a person sent to a bot. `mime` is what its content is, `name` what the sender called it."""

    id: int
    bot_id: int
    telegram_id: int
    kind: str
    mime: str
    size: int
    sha256: str
    name: str
    created_at: Moment


def describe_file(row: StoredFile) -> FileView:
    """The JSON of a file."""
    return {
        "id": row.id,
        "bot_id": row.bot_id,
        "telegram_id": row.telegram_id,
        "kind": row.kind,
        "mime": row.mime,
        "size": row.size,
        "sha256": row.sha256,
        "name": row.name,
        "created_at": iso(row.created_at),
    }


def list_files(
    platform: Platform, caller: Principal, bot_id: int | str, *, after: int = 0, limit: int = 50
) -> list[StoredFile]:
    """The files of the caller's bot with an id above `after`, oldest first. Raises NotFound."""
    with platform.database.transaction() as session:  # an admin's look is written down
        bot = get_owned(session, caller, Bot, bot_id)
        kept = select(StoredFile).where(
            StoredFile.bot_id == bot.id, StoredFile.stored_at.is_not(None), StoredFile.id > after
        )
        return list(session.scalars(kept.order_by(StoredFile.id).limit(limit)))


def file_content(platform: Platform, caller: Principal, file_id: int | str) -> tuple[StoredFile, Path]:
    """A file and where its bytes lie. Raises NotFound: `file_not_found`, or `file_gone` where they lie on another machine."""
    with platform.database.transaction() as session:
        row = _kept(get_owned(session, caller, StoredFile, file_id))
    path = FileFolder(platform.settings).path(row.account_id, row.stored_name)
    if not path.is_file():
        raise NotFound("The file's content is not on this machine's disk", code="file_gone")
    return row, path


def delete_file(platform: Platform, caller: Principal, file_id: int | str) -> None:
    """Delete a file: first its row, so that what a crash leaves is a file that nobody can reach, which is swept away.

    Raises NotFound.
    """
    with platform.database.transaction() as session:
        row = _kept(get_owned(session, caller, StoredFile, file_id))
        audit(session, caller, "file_deleted", account_id=row.account_id, bot_id=row.bot_id, file=row.id)
        session.delete(row)
    FileFolder(platform.settings).delete(row.account_id, row.stored_name)


def _kept(row: StoredFile) -> StoredFile:
    if row.stored_at is None:
        raise NotFound("There is no such file", code="file_not_found")
    return row
