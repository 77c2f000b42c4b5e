"""Calls that name files of the media library, {"media_id": 12}: by the file_id that the bot has for it, else uploaded once.

Who uploads holds a lease of (file, bot, kind), in whichever process; others of that bot wait with their chats until the file_id is there. A
process that dies gives the lease up, and the upload is done again with its message.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redis import RedisError
from sqlalchemy import and_, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Bot, Media, MediaUpload
from plugins.files import LIBRARY_FILE
from services.core.errors import Rejected, Unavailable
from services.core.metrics import MEDIA_SENDS
from services.core.times import utc_now
from services.fleet.media.kinds import fits, largest
from services.fleet.media.storing import folder
from services.platform.database import insert_of
from services.platform.platform import Platform
from services.platform.redis.leases import Lease
from services.platform.telegram.client import UPLOAD_SECONDS, TelegramClient

logger = logging.getLogger(__name__)
ALBUM: Final = "media"  # sendMediaGroup's list of files, and editMessageMedia's one
CLAIM_SECONDS: Final = UPLOAD_SECONDS + 30.0  # an upload ends before
UNKNOWN_ID: Final = (
    "wrong file identifier",
    "wrong remote file",
    "file reference",
    "wrong file_id",
)  # Telegram's words


@dataclass(frozen=True)
class Part:
    """A file that a call names: as which kind of message, and where among the results (None where there is one). A direct one
    is a parameter of its own, others stand in an item of `media`.
    """

    media_id: Any
    kind: str
    place: int | None = None
    is_direct: bool = False


@dataclass(frozen=True)
class LibraryCall:
    """A call of a bot, with the files of the library that it names."""

    token: str
    bot_id: int
    method: str
    params: dict[str, Any]
    parts: tuple[Part, ...]


@dataclass
class Prepared:
    """A call as it can be made now: known file_ids, and the files without one."""

    telegram_bot_id: int
    known: dict[tuple[int, str], str] = field(default_factory=dict)
    uploads: dict[tuple[int, str], tuple[str, Path]] = field(default_factory=dict)


def names_library(params: Mapping[str, Any]) -> bool:
    """Whether a call names a file of the library."""
    return any(
        isinstance(value, dict | list) and any(_parts({name: value})) for name, value in params.items()
    )


class LibraryCalls:
    """The calls of one sending process with files of the library. `turns` bounds how many upload at once."""

    def __init__(
        self, platform: Platform, client: TelegramClient, turns: AbstractContextManager[Any]
    ) -> None:
        self._platform = platform
        self._client = client
        self._turns = turns

    def call(self, token: str, bot_id: int, method: str, params: dict[str, Any]) -> Any:
        """Make the call. Raises as TelegramClient.call; Rejected `file_gone`, `file_too_large` or `file_kind`; Unavailable and
        RedisError before anything was sent, also while the file is being uploaded for another message.
        """
        call = LibraryCall(token, bot_id, method, params, tuple(_parts(params)))
        prepared = self._prepared(call)
        try:
            return self._made(call, prepared)
        except Rejected as error:
            if not prepared.known or not any(words in error.message.lower() for words in UNKNOWN_ID):
                raise
        self._forget(bot_id, prepared)
        return self._made(call, self._prepared(call))

    def _made(self, call: LibraryCall, prepared: Prepared) -> Any:
        with ExitStack() as claims:
            for media_id, kind in sorted(prepared.uploads):
                claims.callback(_give_back, self._claim(f"media:{media_id}:{call.bot_id}:{kind}"))
            if prepared.uploads:
                prepared = self._prepared(call)  # the one before may just have brought it
            if prepared.uploads:
                claims.enter_context(self._turns)
            files = {_field(key, call.parts): each for key, each in prepared.uploads.items()}
            params = _filled(call.params, prepared)
            result = self._client.call(call.token, call.method, params, files=files or None)
            MEDIA_SENDS.labels("uploaded" if files else "known").inc()
            if files:
                self._note(call, prepared, result)
        return result

    def _claim(self, name: str) -> Lease:
        lease = Lease.take(self._platform.redis, name, ttl_seconds=CLAIM_SECONDS)
        if lease is None:
            raise Unavailable("Another message of this bot is uploading the file", code="media_uploading")
        return lease

    def _prepared(self, call: LibraryCall) -> Prepared:
        with self._platform.database.reading() as session:
            bot = session.get(Bot, call.bot_id)
            if bot is None:
                raise _gone()
            prepared = Prepared(bot.telegram_bot_id)
            for part in call.parts:
                row, known = _found(session, bot, part)
                if known:
                    prepared.known[row.id, part.kind] = known
                else:
                    prepared.uploads[row.id, part.kind] = (row.name, self._whole(row, part.kind))
        return prepared

    def _whole(self, row: Media, kind: str) -> Path:
        if not fits(row.mime, kind):
            raise Rejected("Telegram takes no file of this type as such a message", code="file_kind")
        if row.size > largest(kind):
            raise Rejected("The file is larger than Telegram takes it", code="file_too_large")
        path = folder(self._platform.settings).path(row.account_id, row.stored_name)
        if not path.is_file():
            raise _gone()
        return path

    def _note(self, call: LibraryCall, prepared: Prepared, result: Any) -> None:
        """Remember what Telegram calls what was uploaded. It was sent already: nothing is raised."""
        rows = {}
        for part in call.parts:
            message = result if part.place is None else _nth(result, part.place)
            found = file_id_in(message, part.kind)
            if found and (part.media_id, part.kind) in prepared.uploads:
                rows[part.media_id, part.kind] = found
        try:
            with self._platform.database.transaction() as session:
                for (media_id, kind), found in rows.items():
                    _keep(session, media_id, call.bot_id, kind, prepared.telegram_bot_id, found)
        except (Unavailable, IntegrityError) as error:  # away, or the file was deleted meanwhile
            logger.warning("what a file is known by was not kept: %s", type(error).__name__)

    def _forget(self, bot_id: int, prepared: Prepared) -> None:
        """Drop the file_ids of a call that Telegram refused: exactly these, as others may be newer."""
        MEDIA_SENDS.labels("stale").inc()
        with self._platform.database.transaction() as session:
            for (media_id, kind), stale in prepared.known.items():
                session.execute(
                    delete(MediaUpload).where(
                        MediaUpload.media_id == media_id,
                        MediaUpload.bot_id == bot_id,
                        MediaUpload.kind == kind,
                        MediaUpload.file_id == stale,
                    )
                )


def file_id_in(message: Any, kind: str) -> str:
    """The file_id of the file of `kind` in a message, of a photo its largest; empty without one."""
    found = message.get(kind) if isinstance(message, dict) else None
    found = found[-1] if isinstance(found, list) and found else found
    return str(found.get("file_id") or "") if isinstance(found, dict) else ""


def _parts(params: Mapping[str, Any]) -> Iterator[Part]:
    for name, value in params.items():
        if name == ALBUM and isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, dict) and _is_marker(item.get(ALBUM)):
                    yield Part(item[ALBUM][LIBRARY_FILE], str(item.get("type") or ""), place)
        elif name == ALBUM and isinstance(value, dict) and _is_marker(value.get(ALBUM)):
            yield Part(value[ALBUM][LIBRARY_FILE], str(value.get("type") or ""))
        elif _is_marker(value):
            yield Part(value[LIBRARY_FILE], name, is_direct=True)


def _is_marker(value: Any) -> bool:
    return isinstance(value, dict) and LIBRARY_FILE in value


def _filled(params: Mapping[str, Any], prepared: Prepared) -> dict[str, Any]:
    """The parameters with file_ids in the places of markers; what is uploaded stands in a field of its own."""

    def item(value: Any) -> Any:
        if not (isinstance(value, dict) and _is_marker(value.get(ALBUM))):
            return value
        key = (value[ALBUM][LIBRARY_FILE], str(value.get("type") or ""))
        return {**value, ALBUM: prepared.known.get(key) or f"attach://{_attached(key)}"}

    filled: dict[str, Any] = {}
    for name, value in params.items():
        if name == ALBUM and isinstance(value, list | dict):
            filled[name] = [item(each) for each in value] if isinstance(value, list) else item(value)
        elif not _is_marker(value):
            filled[name] = value
        elif (value[LIBRARY_FILE], name) in prepared.known:
            filled[name] = prepared.known[value[LIBRARY_FILE], name]
    return filled


def _field(key: tuple[int, str], parts: Collection[Part]) -> str:
    """The field of the form in which a file is uploaded: its parameter, or what an item of an album refers to."""
    is_direct = any(part.is_direct and (part.media_id, part.kind) == key for part in parts)
    return key[1] if is_direct else _attached(key)


def _attached(key: tuple[int, str]) -> str:
    return f"library_{key[1]}_{key[0]}"


def _found(session: Session, bot: Bot, part: Part) -> tuple[Media, str]:
    """The file, of the bot's account, and by what the bot knows it as a file of that kind; "" where it does not yet."""
    if not isinstance(part.media_id, int):
        raise _gone()
    own = and_(
        MediaUpload.media_id == Media.id,
        MediaUpload.bot_id == bot.id,
        MediaUpload.kind == part.kind,
        MediaUpload.telegram_bot_id == bot.telegram_bot_id,
    )
    query = select(Media, MediaUpload.file_id).outerjoin(MediaUpload, own)
    mine = (Media.id == part.media_id, Media.account_id == bot.account_id, Media.stored_at.is_not(None))
    row = session.execute(query.where(*mine)).first()
    if row is None:
        raise _gone()
    return row[0], row[1] or ""


def _keep(
    session: Session, media_id: int, bot_id: int, kind: str, telegram_bot_id: int, file_id: str
) -> None:
    statement = insert_of(session, MediaUpload).values(
        media_id=media_id,
        bot_id=bot_id,
        kind=kind,
        telegram_bot_id=telegram_bot_id,
        file_id=file_id,
        at=utc_now(),
    )
    fresh = {name: statement.excluded[name] for name in ("telegram_bot_id", "file_id", "at")}
    session.execute(
        statement.on_conflict_do_update(index_elements=["media_id", "bot_id", "kind"], set_=fresh)
    )


def _nth(result: Any, place: int) -> Any:
    return result[place] if isinstance(result, list) and place < len(result) else None


def _gone() -> Rejected:
    return Rejected("The file that was to be sent is not in the media library", code="file_gone")


def _give_back(claim: Lease) -> None:
    """What was sent is sent: without Redis the claim runs out by itself."""
    with suppress(RedisError):
        claim.release()
