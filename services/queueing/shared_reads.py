"""Reading the streams of one kind in one process: each alone while the process has time, all in one round trip when it has none.

A read that brings a single entry costs as much as one of ten, and one of eight streams little more than one of a single
stream: a process that has more to do than it can reads less often and more at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redis import Redis

from services.platform.redis import streams
from services.platform.redis.group_commit import GroupCommit
from services.queueing.process_pace import ProcessPace

Entries = dict[str, list[tuple[str, streams.Fields]]]  # stream -> what is new there, with its ids


class SharedReads:
    """Of all readers of a process; each brings at most `count` entries of a stream. `redis` is one for blocking reads."""

    def __init__(self, redis: Redis, pace: ProcessPace, *, count: int) -> None:
        self._redis = redis
        self._pace = pace
        self._count = count
        self._together: GroupCommit[Mapping[str, str], Entries] = GroupCommit(
            self._read_together, gather=pace.rest
        )

    def read(self, cursors: Mapping[str, str], *, block_seconds: float, pause: bool) -> Entries:
        """What is new after the cursor of each stream, waited for up to `block_seconds`.

        `pause`, for whoever found something a moment ago: a while later, and in a late process without waiting for more.
        Raises RedisError.
        """
        if pause and self._pace.is_late:
            return self._together.submit(cursors)
        if pause:
            self._pace.rest()
        return streams.read(self._redis, cursors, count=self._count, block_seconds=block_seconds)

    def _read_together(self, readers: Sequence[Mapping[str, str]]) -> list[Entries]:
        """A stream that two ask for, as a stay that ends and its successor may, is read for each after its own cursor."""
        cursors: dict[str, str] = {}
        for each in readers:
            cursors = {**each, **cursors}
        found = self._read_now(cursors)
        return [
            {name: found[name] for name in each if name in found}
            if each.items() <= cursors.items()
            else self._read_now(each)
            for each in readers
        ]

    def _read_now(self, cursors: Mapping[str, str]) -> Entries:
        return streams.read(self._redis, cursors, count=self._count)
