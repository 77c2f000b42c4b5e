"""Sending a file of ours: uploaded once by each bot, then known to Telegram by the file_id that the bot got for it."""

from __future__ import annotations

import logging
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from models import Bot, StoredFile, UploadedFile
from plugins.files import STORED_FILE, TEXT_FILE
from services.core.errors import Rejected, Unavailable
from services.messaging.files.library_calls import UNKNOWN_ID, LibraryCalls, file_id_in, names_library
from services.messaging.files.program_files import LARGEST_PHOTO, LARGEST_UPLOAD, ProgramFiles
from services.platform.database import insert_of
from services.platform.files.folder import FileFolder
from services.platform.platform import Platform
from services.platform.telegram.client import Files, TelegramClient

logger = logging.getLogger(__name__)
AT_ONCE: Final = (
    8  # uploads of a process: each may take two minutes, and messages wait for connections beside them
)


@dataclass(frozen=True)
class Upload:
    """A call that sends a file of ours, as it is to be made now: with the file, or with the file_id that is known."""

    bot_id: int
    file_id: int
    kind: str
    params: dict[str, Any]
    files: Files | None


class Uploads:
    """The calls of one sending process, with the files of ours that they name."""

    def __init__(self, platform: Platform, client: TelegramClient) -> None:
        self._platform = platform
        self._client = client
        self._folder = FileFolder(platform.settings)
        self._program_files = ProgramFiles(platform)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._library = LibraryCalls(platform, client, self._turns)

    def call(self, token: str, bot_id: int, method: str, params: dict[str, Any]) -> Any:
        """Call the Bot API `method`, uploading what must be. Raises as TelegramClient.call, Rejected `file_gone` or
        `file_too_large`, and Unavailable before anything was sent.
        """
        if names_library(params):
            return self._library.call(token, bot_id, method, params)
        kind = next((name for name, value in params.items() if _is_ours(value)), "")
        if not kind:
            return self._with_its_own(token, bot_id, method, params)
        upload = self._prepared(bot_id, kind, params)
        if upload.files is None:
            try:
                return self._client.call(token, method, upload.params)
            except Rejected as error:
                if not any(words in error.message.lower() for words in UNKNOWN_ID):
                    raise
            self._forget(upload)
            upload = self._prepared(bot_id, kind, params)
        with self._turns:
            result = self._client.call(token, method, upload.params, files=upload.files)
        self._note(upload, result)
        return result

    def discard(self, bot_id: int, params: dict[str, Any]) -> None:
        """The call was made, or was refused: what its program uploaded for it goes."""
        self._program_files.discard(bot_id, params)

    def _with_its_own(self, token: str, bot_id: int, method: str, params: dict[str, Any]) -> Any:
        """A call without files of ours: those whose text stands in it, and those that a program uploaded for it."""
        texts, uploaded = _on_the_spot(params), self._program_files.found(bot_id, params)
        others = {name: value for name, value in params.items() if name not in {*texts, *uploaded}}
        with self._turns if uploaded else nullcontext():
            return self._client.call(token, method, others, files={**texts, **uploaded} or None)

    def _prepared(self, bot_id: int, kind: str, params: dict[str, Any]) -> Upload:
        number = params[kind][STORED_FILE]
        with self._platform.database.reading() as session:
            bot = session.get(Bot, bot_id)
            row = session.get(StoredFile, number) if isinstance(number, int) else None
            if bot is None or row is None or row.account_id != bot.account_id or row.stored_at is None:
                raise Rejected("The file that was to be sent is kept no longer", code="file_gone")
            known = session.get(UploadedFile, (row.id, bot_id, kind))
        if known is not None:
            return Upload(bot_id, row.id, kind, {**params, kind: known.telegram_file_id}, None)
        path = self._whole(row, kind)
        others = {name: value for name, value in params.items() if name != kind}
        return Upload(bot_id, row.id, kind, others, {kind: (row.name, path)})

    def _note(self, upload: Upload, result: Any) -> None:
        """Remember the file_id that Telegram gave for what was uploaded. It was sent already: nothing is raised."""
        found = file_id_in(result, upload.kind)
        if not found:
            return
        row = {
            "file_id": upload.file_id,
            "bot_id": upload.bot_id,
            "kind": upload.kind,
            "telegram_file_id": found,
        }
        try:
            with self._platform.database.transaction() as session:
                if session.get(StoredFile, upload.file_id) is not None:
                    session.execute(insert_of(session, UploadedFile).values(row).on_conflict_do_nothing())
        except (Unavailable, IntegrityError) as error:  # away, or the file was deleted meanwhile
            logger.warning("what a file is known by was not kept: %s", type(error).__name__)

    def _forget(self, upload: Upload) -> None:
        with self._platform.database.transaction() as session:
            session.execute(
                delete(UploadedFile).where(
                    UploadedFile.file_id == upload.file_id,
                    UploadedFile.bot_id == upload.bot_id,
                    UploadedFile.kind == upload.kind,
                )
            )

    def _whole(self, row: StoredFile, kind: str) -> Path:
        path = self._folder.path(row.account_id, row.stored_name)
        if not path.is_file():
            raise Rejected("The file that was to be sent is kept no longer", code="file_gone")
        if row.size > (LARGEST_PHOTO if kind == "photo" else LARGEST_UPLOAD):
            raise Rejected("The file is larger than Telegram takes it", code="file_too_large")
        return path


def _on_the_spot(params: dict[str, Any]) -> dict[str, tuple[str, bytes | Path]]:
    """The files whose text stands in the parameters."""
    return {
        name: (str(value.get("name") or name), str(value[TEXT_FILE]).encode())
        for name, value in params.items()
        if isinstance(value, dict) and TEXT_FILE in value
    }


def _is_ours(value: Any) -> bool:
    return isinstance(value, dict) and STORED_FILE in value
