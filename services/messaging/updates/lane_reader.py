"""Reading a lane ahead of its handlers."""

from __future__ import annotations

import logging
import time

from redis import RedisError

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


class LaneReader:
    """Reads one lane from its beginning: whatever still stands there has had no effect yet, and is to be handled."""

    def __init__(
        self, platform: Platform, lane: int, crashes: CrashTracker, timings: UpdateTimings, reads: SharedReads
    ) -> None:
        self._platform = platform
        self._lane = lane
        self._crashes = crashes
        self._timings = timings
        self._reads = reads
        self._pauses = False  # the last read brought something, but no whole batch
        self._cursor = "0"
        self._attempts: dict[str, int] = {}  # entry id -> failed attempts of earlier holders

    def begin(self) -> None:
        """Learn how often the updates in the lane have failed already. Raises RedisError."""
        stored = self._platform.redis.hgetall(keys.update_attempts(self._lane))
        self._attempts = {str(entry_id): int(number) for entry_id, number in stored.items()}

    def read(self) -> list[QueuedUpdate] | None:
        """The next updates, waited for; None while Redis is away, whose return is awaited as long as the lease stands."""
        lane = keys.update_lane(self._lane)
        try:
            answer = self._reads.read(
                {lane: self._cursor}, block_seconds=self._timings.read_timeout, pause=self._pauses
            )
        except RedisError as error:
            logger.debug("lane %d cannot be read: %s", self._lane, type(error).__name__)
            time.sleep(self._timings.backoff[0])
            return None
        entries = [self._queued(entry_id, fields) for entry_id, fields in answer.get(lane, ())]
        self._pauses = 0 < len(entries) < READ_AT_ONCE
        if entries:
            self._cursor = entries[-1].entry_id
        return entries

    def read_again(self) -> None:
        """Read from the beginning: the lane is not empty although all that was read is done, as where Redis has lost a moment."""
        self._cursor = "0"

    def _queued(self, entry_id: str, fields: dict[str, str]) -> QueuedUpdate:
        if not fields.get("bot", "").isdecimal() or "chat" not in fields:
            return QueuedUpdate(
                entry_id, 0, "0", entry_id, "", non_retryable=True, error="The entry names no bot"
            )
        update = fields.get("update", "")
        return QueuedUpdate(
            entry_id,
            int(fields["bot"]),
            fields["chat"],
            fields.get("request") or entry_id,
            update,
            attempts=self._attempts.pop(entry_id, 0),
            marks=self._crashes.marks.pop(entry_id, 0),
            rank=int(not is_urgent(update)),
            newer=is_newer(fields),
        )
