"""Single file for the work of a bot with a backlog, so that everything else of the process finds the loop free."""

from __future__ import annotations

import threading
import time

INTERVAL_SECONDS = 0.004  # 250 updates a second of one bot: eight times what Telegram lets it send
PAUSE_SECONDS = (
    0.0005  # at the least, more than zero: only then does the loop look for what came in meanwhile
)


class BotThrottle:
    """Shared by all lanes of a process; each bot has a file of its own, so that many backlogs together lose nothing.

    Passing it is short; what a handler waits for afterwards holds nobody up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free_at: dict[int, float] = {}  # by bot, on the monotonic clock

    def wait(self, bot_id: int) -> None:
        """Return when the bot's next piece of work may begin."""
        with self._lock:
            now = time.monotonic()
            begins = max(now + PAUSE_SECONDS, self._free_at.get(bot_id, 0.0))
            self._free_at[bot_id] = begins + INTERVAL_SECONDS
        time.sleep(begins - now)
