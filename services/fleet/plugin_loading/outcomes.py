"""How often the handlers of each version of a custom plugin fail, and when that is far more often than before.

Handlings are counted in memory and added up in Redis once a second. The first try of an update counts, not its repetitions:
one bad update is one failure, and what an older version left does not burden the next. An absent database or Redis is no
failure of a handler.

A process that dies of a handler can count nothing any more. So the death is counted before: while a suspect runs alone
(`services/messaging/updates/quarantine.py`), the version whose handler is about to run has one death more, which is taken back when
the handler comes to any end.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from redis import RedisError

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
FEWEST_DEATHS = 3  # an update is given up after two: a second one must have been deadly too
COUNTS_DAYS = 30


@dataclass(frozen=True)
class Counts:
    """Handlings of a version in all processes, `failed` of them. `age` is seconds since it first served.

    Both contain the `deaths` of processes that ended while its handler ran alone.
    """

    handled: int = 0
    failed: int = 0
    age: float = 0.0
    deaths: int = 0

    @property
    def share(self) -> float:
        """The part that failed."""
        return self.failed / self.handled if self.handled else 0.0


def is_far_worse(new: Counts, former: Counts) -> bool:
    """Whether the new version is to go. Deaths weigh more than their share: each interrupts all that a process is at."""
    is_deadly = new.deaths >= max(FEWEST_DEATHS, WORSE_TIMES * former.deaths)
    is_failing = new.failed >= FEWEST_FAILED and new.share >= max(LEAST_SHARE, WORSE_TIMES * former.share)
    return new.age <= PROBATION_SECONDS and (is_deadly or is_failing)


class Outcomes:
    """What this process counted since it last said so. `count` costs no round trip."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[str, list[int]] = {}
        self._survived: Counter[str] = Counter()  # deaths that Redis would not take back yet

    @contextmanager
    def at_risk(self, platform: Platform) -> Iterator[Callable[[str], None]]:
        """Yields what counts a death of the version of that hash, before its handler runs; with the block's end none came.

        It raises RedisError, and nothing is to run then.
        """
        staked: Counter[str] = Counter()

        def stake(version: str) -> None:
            _add_deaths(platform, version, 1)
            staked[version] += 1

        try:
            yield stake
        finally:
            with self._lock:
                self._survived += staked
            with suppress(RedisError):  # then with the next counts
                self._take_back(platform)

    def _take_back(self, platform: Platform) -> None:
        """Let no death stand that did not come. Raises RedisError."""
        with self._lock:
            survived, self._survived = self._survived, Counter()
        for version, number in survived.items():
            try:
                _add_deaths(platform, version, -number)
            except RedisError:
                with self._lock:
                    self._survived[version] += number
                raise

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
        self._take_back(platform)
        with self._lock:
            counted, self._counted = self._counted, {}
        if not counted:
            return {}
        try:
            self._add(platform, counted, now())
            failing = [version for version, (_, failed) in counted.items() if failed]
            return self.sums(platform, former_of, failing, now)
        except BaseException:
            self._put_back(counted)
            raise

    @staticmethod
    def sums(
        platform: Platform,
        former_of: Mapping[str, str],
        versions: Iterable[str],
        now: Callable[[], float] = time.time,
    ) -> dict[str, tuple[Counts, Counts]]:
        """What all processes have counted of those of `versions` that have a former one, beside that one's. Raises RedisError."""
        return {
            new: (_read(platform, new, now()), _read(platform, former_of[new], now()))
            for new in versions
            if new in former_of
        }

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
    names = ["handled", "failed", "since", "deaths"]
    handled, failed, since, counted = platform.redis.hmget(keys.plugin_outcomes(version), names)
    deaths = max(0, int(counted or 0))
    age = now - float(since or now)
    return Counts(int(handled or 0) + deaths, int(failed or 0) + deaths, age, deaths)


def _add_deaths(platform: Platform, version: str, number: int) -> None:
    key = keys.plugin_outcomes(version)
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.hincrby(key, "deaths", number)
        pipe.hsetnx(key, "since", f"{time.time():.3f}")
        pipe.expire(key, COUNTS_DAYS * 86_400)
        pipe.execute()
