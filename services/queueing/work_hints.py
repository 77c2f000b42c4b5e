"""Hints which bots' programs got something to do, read from the end of one capped stream (ADR 42).

A hint may be lost: whoever follows them looks at the queues themselves as well, now and then and at every new beginning.
"""

from __future__ import annotations

from typing import Any, Final

from redis import Redis

from services.platform.redis import streams, work_keys

MOST_AT_ONCE: Final = 1000


class WorkHints:
    """Follows the hints on one connection for blocking reads. Everything raises RedisError, and then begins anew."""

    def __init__(self, blocking_redis: Redis) -> None:
        self._redis = blocking_redis
        self._cursor = ""

    def begin(self) -> None:
        """Pass over what was hinted until now; to be called before whoever follows looks for itself."""
        newest: Any = self._redis.xrevrange(work_keys.wake(), count=1)
        self._cursor = str(newest[0][0]) if newest else "0"

    def wait(self, seconds: float) -> set[int]:
        """The bots hinted since the last time; waits up to `seconds`, at least a millisecond, for the first."""
        wanted = {work_keys.wake(): self._cursor}
        hints = streams.read(self._redis, wanted, count=MOST_AT_ONCE, block_seconds=seconds)
        found = set()
        for entry_id, fields in hints.get(work_keys.wake(), ()):
            self._cursor = entry_id
            if (bot := fields.get("bot", "")).isdecimal():
                found.add(int(bot))
        return found
