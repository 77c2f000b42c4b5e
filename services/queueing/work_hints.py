"""Hints which bots' programs got something to do, read from the end of one capped stream (ADR 42).

A hint may be lost: whoever follows them looks at the queues themselves as well, now and then and at every new beginning.
"""

from __future__ import annotations

from typing import Final

from redis import Redis, RedisError

from services.platform.redis import streams, work_keys

MOST_AT_ONCE: Final = 1000


class WorkHints:
    """Follows the hints on one connection for blocking reads. Everything raises RedisError; then it has to begin anew."""

    def __init__(self, blocking_redis: Redis) -> None:
        self._redis = blocking_redis
        self._cursor = ""

    @property
    def began(self) -> bool:
        """Whether `wait` tells of everything that was hinted since whoever follows looked for itself."""
        return bool(self._cursor)

    def begin(self) -> None:
        """Pass over what was hinted until now; to be called before whoever follows looks for itself."""
        self._cursor = streams.last_id(self._redis, work_keys.wake())

    def forget(self) -> None:
        """Begin anew the next time: whoever follows could not look for itself."""
        self._cursor = ""

    def wait(self, seconds: float) -> set[int]:
        """The bots hinted since the last time; waits up to `seconds` for the first, not at all for none."""
        wanted = {work_keys.wake(): self._cursor}
        patience = seconds if seconds > 0 else None
        try:
            hints = streams.read(self._redis, wanted, count=MOST_AT_ONCE, block_seconds=patience)
        except RedisError:
            self.forget()
            raise
        found = set()
        for entry_id, fields in hints.get(work_keys.wake(), ()):
            self._cursor = entry_id
            if (bot := fields.get("bot", "")).isdecimal():
                found.add(int(bot))
        return found
