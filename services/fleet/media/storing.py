"""Taking a file into the library: looked at, room made for it, then written, so that a crash leaves what is swept away."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from models import Media
from plugins.files import SAFE_TYPES, FileRefused
from services.core.errors import Conflict, InvalidInput, Unavailable
from services.core.i18n import Text
from services.core.metrics import MEDIA_UPLOADS
from services.core.native_threads import beside_the_hub
from services.core.settings import Settings
from services.core.times import utc_now
from services.fleet.media.kinds import LARGEST, MEGABYTE, usual_kind
from services.platform.accounts.principal import Principal, audit
from services.platform.accounts.quotas import lock_account
from services.platform.files.checking import checked_type
from services.platform.files.content import ContentCheck
from services.platform.files.folder import FileFolder
from services.platform.files.names import is_runnable, new_stored_name, shown_name
from services.platform.files.scanner import scan
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
FOLDER: Final = "files/library"  # within DATA_DIR/files, so that backups have it
PIECE: Final = 64 * 1024
SCAN_SECONDS: Final = 60.0
REFUSALS: Final = {
    "too_large": Text(
        "The file is larger than the {most} MB that a bot can upload", most=LARGEST // MEGABYTE
    ),
    "executable": Text("The file is a program or script, or two things at once; such files are not kept"),
    "type": Text(
        "Files of this type are not kept: choose a JPEG, PNG, WebP, GIF, MP4, MOV, WebM, MP3, M4A, OGG, WAV, FLAC, PDF, Office or text file"
    ),
    "infected": Text("The virus scanner has found something in this file"),
    "unscanned": Text("The virus scanner does not answer, and without it no file is kept; try again later"),
    "empty": Text("The file is empty"),
}


@dataclass(frozen=True)
class Content:
    """What was found out of a file: `size` in bytes, its MIME type and hash by its bytes."""

    size: int
    mime: str
    sha256: str


def folder(settings: Settings) -> FileFolder:
    """Where the files of all libraries lie."""
    return FileFolder(settings, FOLDER)


def store(platform: Platform, caller: Principal, name: str, file: IO[bytes]) -> tuple[Media, bool]:
    """Keep a file in the caller's library; its row, and whether it is new. The same content is kept once.

    Raises InvalidInput `file_…` for what is not kept, Conflict `quota_exceeded`, Unavailable for disk or database.
    """
    try:
        content = looked_at(name, file)
        row = _reserve(platform, caller, name, content)
        if row.stored_at is not None:
            _restore(platform, row, file)
            return row, False
        _fill(platform, caller, row, file)
    except FileRefused as refusal:
        MEDIA_UPLOADS.labels(refusal.code).inc()
        raise InvalidInput(REFUSALS[refusal.code], code=f"file_{refusal.code}", field="file") from None
    MEDIA_UPLOADS.labels("stored").inc()
    return row, True


def looked_at(name: str, file: IO[bytes]) -> Content:
    """The content of a file that may be kept. Raises FileRefused."""
    check = ContentCheck()
    if is_runnable(name):
        raise FileRefused("executable")
    file.seek(0)
    while piece := file.read(PIECE):
        check.feed(piece)
        if check.size > LARGEST:
            raise FileRefused("too_large")
    if not check.size:
        raise FileRefused("empty")
    file.seek(0)
    mime = checked_type(check, cast(BinaryIO, file), SAFE_TYPES)
    return Content(check.size, mime, check.sha256)


def used_bytes(session: Session, account_id: int) -> int:
    """The bytes of an account's library, files that are being written included."""
    return int(session.scalar(select(func.sum(Media.size)).where(Media.account_id == account_id)) or 0)


def _reserve(platform: Platform, caller: Principal, name: str, content: Content) -> Media:
    """The row of the content: finished, or with room for it. One that somebody left behind is taken over."""
    with platform.database.transaction() as session:
        lock_account(session, caller.account_id)
        same = select(Media).where(Media.account_id == caller.account_id, Media.sha256 == content.sha256)
        row = session.scalar(same)
        if row is None:
            _check_room(session, platform.settings, caller.account_id, content.size)
            kind = usual_kind(content.mime, content.size)
            row = Media(account_id=caller.account_id, name=shown_name(name, kind), kind=kind, **vars(content))
            row.stored_name = new_stored_name()
            session.add(row)
        elif row.stored_at is None:
            row.stored_name, row.created_at = new_stored_name(), utc_now()
        session.flush()
        return row


def _fill(platform: Platform, caller: Principal, row: Media, file: IO[bytes]) -> None:
    """Write the content of a reservation; where that fails the reservation is given back."""
    files = folder(platform.settings)
    try:
        with files.writing(row.account_id, row.stored_name) as (target, part, keep):
            _copy(platform.settings, file, target, part)
            keep()
        _finish(platform, caller, row)
    except BaseException:  # a request that is broken off, too
        with suppress(Unavailable):
            if _give_back(
                platform, row
            ):  # else it is finished, or somebody else's by now: the sweep tells which
                files.delete(row.account_id, row.stored_name)
        raise


def _restore(platform: Platform, row: Media, file: IO[bytes]) -> None:
    """Write a finished file whose content is not on the disk any more; where it is there, nothing."""
    files = folder(platform.settings)
    if not files.path(row.account_id, row.stored_name).is_file():
        with files.writing(row.account_id, row.stored_name) as (target, part, keep):
            _copy(platform.settings, file, target, part)
            keep()


def _copy(settings: Settings, file: IO[bytes], target: BinaryIO, part: Path) -> None:
    file.seek(0)
    beside_the_hub(shutil.copyfileobj, file, target)
    target.flush()
    if settings.clamav_address:
        scan(settings.clamav_address, part, SCAN_SECONDS)


def _finish(platform: Platform, caller: Principal, row: Media) -> None:
    with platform.database.transaction() as session:
        done = session.execute(update(Media).where(*_still(row)).values(stored_at=utc_now()))
        if not getattr(done, "rowcount", 0):
            raise Unavailable("The same file is being uploaded twice; look at the library, and try again")
        audit(session, caller, "media_uploaded", media=row.id, name=row.name)
    row.stored_at = utc_now()


def _give_back(platform: Platform, row: Media) -> bool:
    with platform.database.transaction() as session:
        gone = session.execute(delete(Media).where(*_still(row)))
        return bool(getattr(gone, "rowcount", 0))


def _still(row: Media) -> tuple[ColumnElement[bool], ...]:
    return Media.id == row.id, Media.stored_name == row.stored_name, Media.stored_at.is_(None)


def _check_room(session: Session, settings: Settings, account_id: int, more: int) -> None:
    most = settings.quota_media_mb * MEGABYTE
    used = used_bytes(session, account_id)
    if most and used + more > most:
        raise Conflict(
            Text(
                "QUOTA_MEDIA_MB allows {most} MB, and this library has {used}: delete files that nothing uses, or have the setting raised",
                most=settings.quota_media_mb,
                used=round(used / MEGABYTE, 1),
            ),
            code="quota_exceeded",
        )
