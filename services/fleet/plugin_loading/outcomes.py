"""How often the handlers of each version of a custom plugin fail, and when that is far more often than before.

Handlings are counted in memory and added up in Redis once a second. The first try of an update counts, not its repetitions:
one bad update is one failure, and what an older version left does not burden the next. An absent database or Redis is no
failure of a handler.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.platform.platform import Platform
from services.platform.redis import keys

PROBATION_SECONDS = 600.0  # what has gone well for so long is not undone: later failures have other causes
FEWEST_FAILED = 5  # one person's odd message, in every chat of a test, is no trend
LEAST_SHARE = (
    0.2  # of the handlings: below it most people are served, and a return would undo what was mended
)
WORSE_TIMES = (
    3.0  # the former version's share, times this: a plugin that calls a shaky service fails in every version
)
COUNTS_DAYS = 30


@dataclass(frozen=True)
class Counts:
    """Handlings of a version in all processes, `failed` of them. `age` is seconds since it first served."""

    handled: int = 0
    failed: int = 0
    age: float = 0.0

    @property
    def share(self) -> float:
        """The part that failed."""
        return self.failed / self.handled if self.handled else 0.0


def is_far_worse(new: Counts, former: Counts) -> bool:
    """Whether the new version is to go."""
    return (
        new.age <= PROBATION_SECONDS
        and new.failed >= FEWEST_FAILED
        and new.share >= max(LEAST_SHARE, WORSE_TIMES * former.share)
    )


class Outcomes:
    """What this process counted since it last said so. `count` costs no round trip."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[str, list[int]] = {}

    def count(self, version: str, *, failed: bool) -> None:
        """One handling by the version of that hash."""
        with self._lock:
            counted = self._counted.setdefault(version, [0, 0])
            counted[0] += 1
            counted[1] += failed

    def flush(
        self,
        platform: Platform,
        former_of: Mapping[str, str],
        now: Callable[[], float] = time.time,
    ) -> dict[str, tuple[Counts, Counts]]:
        """Add to what all processes have counted; the sums of those versions that have a former one, beside that one's.

        Raises RedisError; what was counted is then told the next time.
        """
        with self._lock:
            counted, self._counted = self._counted, {}
        if not counted:
            return {}
        try:
            self._add(platform, counted, now())
            return {
                new: (_read(platform, new, now()), _read(platform, former_of[new], now()))
                for new, (_, failed) in counted.items()
                if failed and new in former_of
            }
        except BaseException:
            self._put_back(counted)
            raise

    def _add(self, platform: Platform, counted: Mapping[str, list[int]], now: float) -> None:
        with platform.redis.pipeline(transaction=True) as pipe:
            for version, (handled, failed) in counted.items():
                key = keys.plugin_outcomes(version)
                pipe.hincrby(key, "handled", handled)
                pipe.hincrby(key, "failed", failed)
                pipe.hsetnx(key, "since", f"{now:.3f}")
                pipe.expire(key, COUNTS_DAYS * 86_400)
            pipe.execute()

    def _put_back(self, counted: Mapping[str, list[int]]) -> None:
        with self._lock:
            for version, (handled, failed) in counted.items():
                present = self._counted.setdefault(version, [0, 0])
                present[0] += handled
                present[1] += failed


def _read(platform: Platform, version: str, now: float) -> Counts:
    handled, failed, since = platform.redis.hmget(
        keys.plugin_outcomes(version), ["handled", "failed", "since"]
    )
    return Counts(int(handled or 0), int(failed or 0), now - float(since or now))
