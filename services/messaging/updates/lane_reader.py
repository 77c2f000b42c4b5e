"""Reading a lane ahead of its handlers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from redis import RedisError

from services.messaging.updates.bots_behind import BotsBehind
from services.messaging.updates.crash_tracker import CrashTracker
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.timings import UpdateTimings
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.schema_version import is_newer
from services.queueing.lanes import is_urgent
from services.queueing.shared_reads import SharedReads

logger = logging.getLogger(__name__)
READ_AT_ONCE = 128
BEHIND_SECONDS = 0.1  # at most for new entries while a bot is behind: it may have room before one comes
# For which a lane takes nothing more of a bot; renewed every `look_behind` of the timings.
REFUSED_SECONDS = 15


class LaneReader:
    """Reads one lane from its beginning: whatever still stands there has had no effect yet, and is to be handled."""

    def __init__(
        self,
        platform: Platform,
        lane: int,
        crashes: CrashTracker,
        timings: UpdateTimings,
        reads: SharedReads,
        in_memory: Callable[[int], int],
    ) -> None:
        self._platform = platform
        self._lane = lane
        self._most = platform.settings.intake_max_backlog
        self._crashes = crashes
        self._timings = timings
        self._reads = reads
        self._pauses = False  # the last read brought something, but no whole batch
        self._cursor = "0"
        self._attempts: dict[str, int] = {}  # entry id -> failed attempts of earlier holders
        self._behind = BotsBehind(in_memory)
        self._next_look = 0.0  # how far they are behind; monotonic
        self._reads_new = True  # in this turn: by turns with the rests of those behind

    def begin(self) -> None:
        """Learn how often the updates in the lane have failed already. Raises RedisError."""
        stored = self._platform.redis.hgetall(keys.update_attempts(self._lane))
        self._attempts = {str(entry_id): int(number) for entry_id, number in stored.items()}

    def read(self) -> list[QueuedUpdate] | None:
        """The next updates, waited for; None while Redis is away, whose return is awaited as long as the lease stands.

        What a bot has beyond its part of the memory is left where it is, and comes as soon as there is room.
        """
        try:
            rest = self._behind.next_rest()
            self._reads_new = rest is None or not self._reads_new
            self.refuse_more()
            if rest and not self._reads_new:
                return self._read_rest(*rest)
            waits = self._timings.read_timeout if not self._behind else 0.0 if rest else BEHIND_SECONDS
            return self._read_new(waits)
        except RedisError as error:
            logger.debug("lane %d cannot be read: %s", self._lane, type(error).__name__)
            time.sleep(self._timings.backoff[0])
            return None

    def read_again(self) -> None:
        """Read from the beginning: the lane is not empty although all that was read is done, as where Redis has lost a moment."""
        self._cursor = "0"
        self._behind.clear()

    def refuse_more(self) -> None:
        """While a lane is half full, updates of bots that are behind in it stay with Telegram: the other half is for everybody
        else. To be called again and again, also while nothing is read; without Redis it waits for its next time.
        """
        if not self._behind or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + self._timings.look_behind
        with suppress(RedisError):
            if self._platform.redis.xlen(keys.update_lane(self._lane)) >= self._most / 2:
                self._refuse(list(self._behind))

    def _refuse(self, bots: Sequence[int]) -> None:
        logger.warning("lane %d is half full and refuses %d bots that are behind", self._lane, len(bots))
        with self._platform.redis.pipeline(transaction=False) as pipe:
            for bot_id in bots:
                pipe.set(keys.far_behind(bot_id, self._lane), "1", ex=REFUSED_SECONDS)
            pipe.execute()

    def _read_new(self, waits: float) -> list[QueuedUpdate]:
        lane = keys.update_lane(self._lane)
        answer = self._reads.read({lane: self._cursor}, block_seconds=waits, pause=self._pauses)
        entries = answer.get(lane, [])
        self._pauses = 0 < len(entries) < READ_AT_ONCE
        if entries:
            self._cursor = entries[-1][0]
        return [
            self._queued(entry_id, fields)
            for entry_id, fields in entries
            if self._behind.admits(_bot_of(fields), entry_id)
        ]

    def _read_rest(self, bot_id: int, rest: str) -> list[QueuedUpdate]:
        lane = keys.update_lane(self._lane)
        entries: Any = self._platform.blocking_redis.xrange(lane, rest, self._cursor, count=READ_AT_ONCE)
        if len(entries) < READ_AT_ONCE:
            self._behind.caught_up(bot_id)
        else:
            self._behind.read_up_to(bot_id, entries[-1][0])
        return [self._queued(entry_id, fields) for entry_id, fields in entries if _bot_of(fields) == bot_id]

    def _queued(self, entry_id: str, fields: dict[str, str]) -> QueuedUpdate:
        if not _bot_of(fields) or "chat" not in fields:
            return QueuedUpdate(
                entry_id, 0, "0", entry_id, "", non_retryable=True, error="The entry names no bot"
            )
        update = fields.get("update", "")
        return QueuedUpdate(
            entry_id,
            _bot_of(fields),
            fields["chat"],
            fields.get("request") or entry_id,
            update,
            attempts=self._attempts.pop(entry_id, 0),
            marks=self._crashes.marks.get(entry_id, 0),
            rank=int(not is_urgent(update)),
            newer=is_newer(fields),
        )


def _bot_of(fields: dict[str, str]) -> int:
    """The bot of an entry; 0 where it names none."""
    bot = fields.get("bot", "")
    return int(bot) if bot.isdecimal() else 0
