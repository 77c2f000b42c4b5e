"""Applies the files of CONFIG_DIR when a process starts and, with ENABLE_HOT_RELOAD, whenever one changes.

Every worker looks; whoever is first applies, and the others find nothing left to do.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from redis import RedisError

from services.core.errors import Unavailable
from services.fleet.declared.applying import apply_files
from services.fleet.declared.files import BotFiles
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
LOOK_SECONDS: Final = 0.25  # a look at 500 files takes 2 ms; a file counts once it looks the same twice
RETRY_SECONDS: Final = 5.0  # after something was away; twice as long each time
LONGEST_RETRY_SECONDS: Final = 300.0


class BotFileWatch:
    """The watch of one process."""

    def __init__(
        self, platform: Platform, *, look_seconds: float = LOOK_SECONDS, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self._platform = platform
        self._files = BotFiles(platform.settings)
        self._look_seconds = look_seconds
        self._retry_seconds = retry_seconds
        self._due_at: float | None = 0.0  # when to apply even if no file changes; None for never
        self._repeats = 0
        self._stopped = threading.Event()

    def start(self) -> None:
        """Watch in a thread of its own (a greenlet in our processes); returns at once."""
        threading.Thread(target=self._run_for_ever, daemon=True, name="bot-files").start()

    def stop(self) -> None:
        """End the watch after the bot that is being written."""
        self._stopped.set()

    def turn(self, now: float) -> bool:
        """Look once; whether files were applied. Raises Unavailable, RedisError or OSError for what is away."""
        changed = set[str]()
        if self._platform.settings.enable_hot_reload:
            changed = self._files.folder.look(now)
        is_due = self._due_at is not None and now >= self._due_at
        if not (changed or is_due or self._files.has_other_plugins):
            return False
        applied = apply_files(self._platform, self._files)
        self._files.folder.take({*changed, *self._files.names})
        if applied.is_to_be_repeated:
            self._due_at = now + self._pause()
        else:
            self._due_at, self._repeats = None, 0
        return True

    def _pause(self) -> float:
        """How long to leave alone what was away."""
        self._repeats += 1
        return float(min(self._retry_seconds * 2 ** (self._repeats - 1), LONGEST_RETRY_SECONDS))

    def _run_for_ever(self) -> None:
        while not self._stopped.is_set():
            try:
                self.turn(time.monotonic())
            except (Unavailable, RedisError, OSError) as error:
                logger.warning("bot files are looked at again: %s", error)
                self._stopped.wait(self._retry_seconds)
            except Exception:
                logger.exception("bot files are looked at again")
                self._stopped.wait(self._retry_seconds)
            self._stopped.wait(self._look_seconds)
