"""How much of a shard is in memory, and which of its bots have been idle for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence

from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.redis import keys

WINDOW = 256  # messages of one bot and priority in memory: at 30 a second several seconds' worth
# For each idle bot three more streams in each read of the shard, for two round trips saved when it has something to say again.
UNLOAD_AFTER_SECONDS = 30.0
RANKS = range(len(keys.OUTBOX_PRIORITIES))


class ShardWindow:
    """Counts messages in memory by bot and priority, so that no bot's backlog fills it. One thread
    adds, another may remove."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[tuple[int, int], int] = {}  # (bot, rank) -> messages in memory
        self._used: dict[int, float] = {}  # bot -> when it last had something, on the monotonic clock

    def room(self, bots: Iterable[int]) -> list[tuple[int, int]]:
        """The outboxes (bot, rank) of `bots` of which more may be read."""
        return [(bot, rank) for bot in bots for rank in RANKS if self._loaded.get((bot, rank), 0) < WINDOW]

    def add(self, messages: Sequence[OutboxMessage]) -> None:
        """These are in memory now."""
        now = time.monotonic()
        with self._lock:
            for message in messages:
                place = (message.bot_id, message.rank)
                self._loaded[place] = self._loaded.get(place, 0) + 1
                self._used[message.bot_id] = now

    def remove(self, messages: Sequence[OutboxMessage]) -> None:
        """These are settled."""
        with self._lock:
            for message in messages:
                self._loaded[message.bot_id, message.rank] -= 1

    def touch(self, bots: Iterable[int]) -> None:
        """These bots are worth looking at for a while."""
        self._used.update(dict.fromkeys(bots, time.monotonic()))

    def idle(self) -> list[int]:
        """Bots that have had nothing for UNLOAD_AFTER_SECONDS."""
        before = time.monotonic() - UNLOAD_AFTER_SECONDS
        return [bot for bot, used in self._used.items() if used < before]

    def forget(self, bots: Iterable[int]) -> None:
        """These bots are read no more."""
        for bot in bots:
            del self._used[bot]
