"""Files that a bot's own program uploads with a call: on disk until the call was made, and part of nothing else.

They lie in DATA_DIR/uploads/<bot>, without a row: the call names the file, its bot is the outbox's, and what is left of a call that was
never made is deleted by its age. What people send is looked at before it is kept; these are their owner's own words, like his texts,
and pass as they are.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import select

from models import Bot
from plugins.files import PROGRAM_FILE, FileRefused
from services.core.errors import Rejected
from services.core.native_threads import beside_the_hub
from services.messaging.files.reservations import MEGABYTE, used_bytes
from services.platform.files.folder import FileFolder
from services.platform.files.names import STORED, new_stored_name, shown_name
from services.platform.platform import Platform

LARGEST_PHOTO: Final = 10 * MEGABYTE  # Bot API: sending files
LARGEST_UPLOAD: Final = 50 * MEGABYTE
KEPT_SECONDS: Final = 25 * 3600.0  # an hour longer than a call waits in an outbox


class ProgramFiles:
    """The files of the calls of one process."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._folder = FileFolder(platform.settings, "uploads")

    def keep(self, bot_id: int, account_id: int, field: str, name: str, content: IO[bytes]) -> dict[str, str]:
        """Keep a file; what stands for it in the call's parameter `field`. `name` is the program's.

        Raises FileRefused `too_large` or `quota`, Unavailable for a disk that takes nothing or a database that is away.
        """
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        if size > (LARGEST_PHOTO if field == "photo" else LARGEST_UPLOAD):
            raise FileRefused("too_large")
        self._check_room(account_id, size)
        kept = new_stored_name()
        with self._folder.writing(bot_id, kept) as (file, _, make_whole):
            beside_the_hub(shutil.copyfileobj, content, file)
            make_whole()
        return {PROGRAM_FILE: kept, "name": shown_name(name, field)}

    def found(self, bot_id: int, params: Mapping[str, Any]) -> dict[str, tuple[str, Path]]:
        """The files that a call of the bot names, by parameter. Raises Rejected `file_gone`."""
        files: dict[str, tuple[str, Path]] = {}
        for field, name in _named(params):
            path = self._folder.path(bot_id, name)
            if not path.is_file():
                raise Rejected("The file that was to be sent is kept no longer", code="file_gone")
            files[field] = (str(params[field].get("name") or field), path)
        return files

    def discard(self, bot_id: int, params: Mapping[str, Any]) -> None:
        """The call was made: delete its files."""
        for _, name in _named(params):
            self._folder.delete(bot_id, name)

    def sweep(self, now: datetime) -> int:
        """Delete what is older than any call; how many files."""
        before, swept = now.timestamp() - KEPT_SECONDS, 0
        for bot_id in self._folder.accounts():
            for path in self._folder.listed(bot_id):
                if path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)
                    swept += 1
        return swept

    def _check_room(self, account_id: int, more: int) -> None:
        """Files of calls count for the account like those that are kept."""
        most = self._platform.settings.quota_files_mb * MEGABYTE
        if not most:
            return
        with self._platform.database.reading() as session:
            used = used_bytes(session, account_id)
            bots = list(session.scalars(select(Bot.id).where(Bot.account_id == account_id)))
        waiting = (
            path.stat().st_size for bot_id in bots for path in self._folder.listed(bot_id) if path.exists()
        )
        if used + sum(waiting) + more > most:
            raise FileRefused("quota")


def _named(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The parameters that stand for a file of these, and its name. A name of another form is nobody's."""
    found = ((field, value[PROGRAM_FILE]) for field, value in params.items() if _stands_for_one(value))
    return [(field, name) for field, name in found if isinstance(name, str) and STORED.fullmatch(name)]


def _stands_for_one(value: Any) -> bool:
    return isinstance(value, dict) and PROGRAM_FILE in value
