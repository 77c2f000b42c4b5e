"""Taking in a file that a person sent: fetched from Telegram, looked at, kept, once for each update (ADR 31)."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from models import Bot, StoredFile
from plugins.files import LARGEST_DOWNLOAD, SAFE_TYPES, Attachment, BotFile, FileRefused, Files
from services.core.errors import Rejected, Unavailable, Uncertain
from services.core.i18n import Text
from services.core.metrics import FILES
from services.messaging.files.reservations import Wanted, finish, give_back, reserve
from services.platform.files.checking import checked_type
from services.platform.files.content import ContentCheck
from services.platform.files.folder import FileFolder, disk_failed
from services.platform.files.names import is_runnable, shown_name
from services.platform.files.scanner import scan
from services.platform.platform import Platform
from services.platform.telegram.outcomes import no_bot_api
from services.platform.tokens import token_of

logger = logging.getLogger(__name__)
SHARE_OF_HANDLER: Final = 0.8  # of a handler's time for fetching and scanning; the rest is the handler's own
LONGEST_SECONDS: Final = 60.0
LONGEST_UNIQUE_ID: Final = 100
TOO_BIG: Final = "file is too big"  # Telegram's words
CODES: Final = {"file_too_large": "too_large", "file_too_slow": "too_slow"}


@dataclass(frozen=True)
class Sender:
    """Which update a file came with, and from whom."""

    bot_id: int
    update_id: int
    telegram_id: int


class FileIntake(Files):
    """The files of one update."""

    def __init__(self, platform: Platform, account_id: int, sender: Sender) -> None:
        self._platform = platform
        self._account_id = account_id
        self._sender = sender

    @cached_property
    def _folder(self) -> FileFolder:
        return FileFolder(self._platform.settings)  # when it is asked for: most updates bring no file

    def download(
        self,
        attachment: Attachment,
        *,
        types: Collection[str] = SAFE_TYPES,
        largest: int = LARGEST_DOWNLOAD,
    ) -> BotFile:
        """See Files. Raises the TelegramError family, Unavailable."""
        try:
            kept = self._download(attachment, types, min(largest, LARGEST_DOWNLOAD))
        except FileRefused as refusal:
            FILES.labels(refusal.code).inc()
            logger.info("a file was refused: %s", refusal.code)
            raise
        FILES.labels("stored").inc()
        return kept

    def _download(self, attachment: Attachment, types: Collection[str], largest: int) -> BotFile:
        seconds = min(LONGEST_SECONDS, self._platform.settings.handler_timeout_seconds * SHARE_OF_HANDLER)
        deadline = time.monotonic() + seconds
        if attachment.size > largest:
            raise FileRefused("too_large")
        if is_runnable(attachment.name):
            raise FileRefused("executable")
        token = self._token()
        found = _asked_for(self._platform, token, attachment.file_id, seconds)
        room = found.size or largest
        if room > largest:
            raise FileRefused("too_large")
        name = shown_name(attachment.name, attachment.kind)
        wanted = Wanted(
            **vars(self._sender), kind=attachment.kind, name=name, file_unique_id=found.unique_id, size=room
        )
        row = reserve(self._platform, self._account_id, wanted)
        if row.stored_at is None:
            self._fill(row, token, found.path, types, deadline)
        return BotFile(row.id, row.kind, row.mime, row.size, row.name, row.sha256)

    def _fill(self, row: StoredFile, token: str, path: str, types: Collection[str], deadline: float) -> None:
        """Bring the content of a reservation; without it the reservation is given back."""
        try:
            content = self._fetched(row, token, path, types, deadline)
        except BaseException:  # a cancelled handler too
            with suppress(Unavailable):
                give_back(self._platform, row)
            raise
        if not finish(self._platform, row, size=content.size, mime=content.found, sha256=content.sha256):
            self._folder.delete(row.account_id, row.stored_name)
            raise Unavailable("The file was taken over by another handling of its update")
        row.size, row.mime, row.sha256 = content.size, content.found, content.sha256

    def _fetched(
        self, row: StoredFile, token: str, path: str, types: Collection[str], deadline: float
    ) -> _Checked:
        """The content in its place, after every check."""
        content = ContentCheck()
        with self._folder.writing(row.account_id, row.stored_name) as (file, part, keep):

            def take(piece: bytes) -> None:
                content.feed(piece)
                try:
                    file.write(piece)
                except OSError as error:  # else it would look like a failure of the connection
                    raise disk_failed(error) from error

            left = max(0.1, deadline - time.monotonic())
            with _refusals():
                self._platform.telegram.download(token, path, take, largest=row.size, seconds=left)
            file.flush()
            with part.open("rb") as whole:
                mime = checked_type(content, whole, types)
            if self._platform.settings.clamav_address:
                scan(self._platform.settings.clamav_address, part, max(0.1, deadline - time.monotonic()))
            keep()
        return _Checked(content.size, mime, content.sha256)

    def _token(self) -> str:
        with self._platform.database.reading() as session:
            bot = session.get(Bot, self._sender.bot_id)
        if bot is None:
            raise FileRefused("gone")
        return token_of(self._platform, bot)


@dataclass(frozen=True)
class _Checked:
    size: int
    found: str
    sha256: str


@dataclass(frozen=True)
class _AtTelegram:
    path: str
    unique_id: str
    size: int


def _asked_for(platform: Platform, token: str, file_id: str, seconds: float) -> _AtTelegram:
    """What getFile says. FileRefused; the TelegramError family where it cannot say."""
    with _refusals():
        answer: Any = platform.telegram.call(token, "getFile", {"file_id": file_id}, total_timeout=seconds)
    try:
        unique_id, size = str(answer["file_unique_id"]), int(answer.get("file_size") or 0)
        path = str(answer["file_path"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Uncertain(no_bot_api(Text("its getFile names no file"))) from None
    return _AtTelegram(path, unique_id[:LONGEST_UNIQUE_ID], max(0, size))


@contextmanager
def _refusals() -> Iterator[None]:
    """What Telegram refuses for good, as FileRefused."""
    try:
        yield
    except Rejected as error:
        if error.code == "telegram_frozen":
            raise
        too_big = TOO_BIG in error.message.lower()
        raise FileRefused("too_large" if too_big else CODES.get(error.code, "gone")) from None
