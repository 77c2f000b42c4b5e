"""Which updates may have killed a process, found out without a write per update in quiet times.

A consumer that ends well removes its mark from the lane. Where the mark still stands, the last holder died, and every
update then in the lane is a suspect: a few are run one by one, each on record, many in batches on record first
(`quarantine`). An update that was on record alone when its process died, twice, is accused, and runs once more with nothing
beside it (`trials`); it is given up if its process dies then as well. Coincidences prove nothing: processes are killed from
outside too, and again and again.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from redis import Redis, RedisError

from services.messaging.updates.queued_update import QueuedUpdate
from services.platform.redis import keys

HELD = "held"  # field of the suspects' hash that stands for a consumer at work; the others are entry ids with their marks
FEW = 64  # so many suspects are run one by one
ALONE = 2  # marks for a run alone
IN_BATCH = 1
ACCUSED = 2 * ALONE  # marks from which on it runs in a trial only
POISON = ACCUSED + ALONE  # marks at which an update is given up unread


class Lane(Protocol):
    """What a trial needs of the other lanes of its process."""

    @property
    def running(self) -> int: ...

    def wake(self) -> None: ...


class SharedQuarantine:
    """What the consumers of a process share: one suspect runs alone at a time, and marks that nobody died of are void.

    While a trial is held it is closed: no lane takes up anything. Void marks stay in Redis where it did not answer when they were to be taken back: `void_marks` (by lane and entry: two
    lanes have one id for what came in the same millisecond) remembers them while the process lives.
    """

    def __init__(self) -> None:
        self.alone = threading.Lock()
        self.void_marks: dict[tuple[str, str], int] = {}
        # By lane, the marks of our own whose answer was lost: whose mark such a one has replaced is not known.
        self.unheard: defaultdict[str, set[str]] = defaultdict(set)
        self.is_open = True
        self._lanes: list[Lane] = []

    @property
    def running(self) -> int:
        """Updates at work or waiting to be settled, in all lanes of the process."""
        return sum(lane.running for lane in self._lanes)

    def close(self) -> None:
        """Let no lane begin anything."""
        self.is_open = False

    def open(self) -> None:
        """Let all go on."""
        self.is_open = True
        for lane in list(self._lanes):
            lane.wake()

    @contextmanager
    def includes(self, lane: Lane) -> Iterator[None]:
        """While the block runs the lane is one of those that a trial keeps quiet."""
        self._lanes.append(lane)
        try:
            yield
        finally:
            self._lanes.remove(lane)


class CrashTracker:
    """The suspects of one lane, for the consumer that holds it. `marks` are those of earlier holders, by entry id."""

    def __init__(self, redis: Redis, lane: int, shared: SharedQuarantine) -> None:
        self._redis = redis
        self._lane = keys.update_lane(lane)
        self._suspects = keys.update_suspects(lane)
        self._void_marks, self._unheard = shared.void_marks, shared.unheard
        self._last_suspect: tuple[int, int] | None = None  # every entry up to this one is a suspect
        self.few = True
        self.marks: dict[str, int] = {}

    def begin(self, token: str) -> None:
        """See whether the last holder died, and leave our own mark. Raises RedisError.

        One of this process has only lost its lease, while Redis was away, unless it is one that nothing was heard of.
        """
        unheard = self._unheard[self._lane]
        unheard.add(token)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._suspects)
            pipe.hset(self._suspects, HELD, token)
            pipe.xlen(self._lane)
            pipe.xrevrange(self._lane, count=1)
            found, _, size, newest = pipe.execute()
        former = found.get(HELD, "")
        has_lost_its_lease = _is_of_one_process(former, token) and former not in unheard
        if former and newest and not has_lost_its_lease:
            self._last_suspect = _order(newest[0][0])
            self.few = size <= FEW
        self.marks = {entry: int(number) for entry, number in found.items() if entry != HELD}
        self._take_back_void_marks()
        self._unheard.pop(self._lane, None)

    def _take_back_void_marks(self) -> None:
        for entry in self.marks:
            self.marks[entry] -= self._take_back(entry)

    def _take_back(self, entry_id: str) -> int:
        """Take back a mark that nobody died of, and say how many; 0 where another stay of this process has done it meanwhile.

        Whoever takes it out of the memory first does it. Raises RedisError, and remembers it again.
        """
        marks = self._void_marks.pop((self._lane, entry_id), 0)
        if marks:
            try:
                self.record([entry_id], -marks)
            except RedisError:
                self._void_marks[self._lane, entry_id] = marks
                raise
        return marks

    def includes(self, entry_id: str) -> bool:
        """Whether this entry stood in the lane when the last holder died."""
        return self._last_suspect is not None and _order(entry_id) <= self._last_suspect

    def record(self, entry_ids: Iterable[str], marks: int) -> None:
        """Put on record that these are about to run, ALONE or IN_BATCH, or take that back (negative). Raises RedisError."""
        with self._redis.pipeline(transaction=True) as pipe:
            for entry_id in entry_ids:
                pipe.hincrby(self._suspects, entry_id, marks)
            pipe.execute()

    @contextmanager
    def on_record(self, queued: QueuedUpdate, marks: int = ALONE) -> Iterator[None]:
        """Keep an update on record while it runs alone; settling it takes it off for good. Raises RedisError."""
        self._take_back(queued.entry_id)  # what Redis did not answer to before
        self._void_marks[self._lane, queued.entry_id] = marks
        self.record([queued.entry_id], marks)
        try:
            yield
        finally:
            if queued.settled:
                self._void_marks.pop((self._lane, queued.entry_id), None)
            else:
                self._take_back(queued.entry_id)

    def keep(self, queued: QueuedUpdate) -> None:
        """It is still at work, now beside others: of its marks for a run alone those of a batch remain."""
        self._void_marks[self._lane, queued.entry_id] = ALONE - IN_BATCH

    def is_beside_others(self, queued: QueuedUpdate) -> None:
        """Others begin while it is on record: of its marks for a run alone those of a batch remain. Raises RedisError."""
        key = self._lane, queued.entry_id
        surplus = self._void_marks.get(key, 0) - IN_BATCH
        if surplus > 0:
            self._void_marks[key] = IN_BATCH
            try:
                self.record([queued.entry_id], -surplus)
            except RedisError:  # the trial may have ended meanwhile, and taken back its part
                self._void_marks[key] = self._void_marks.get(key, 0) + surplus
                raise

    def hand_back(self) -> None:
        """The stay ends well with entries left: nobody died. Raises RedisError."""
        self._redis.hdel(self._suspects, HELD)


def _is_of_one_process(token: str, other: str) -> bool:
    """By what tokens of leases begin with; nothing is known where processes have no identity."""
    process = token.partition(":")[0]
    return bool(process) and process == other.partition(":")[0]


def _order(entry_id: str) -> tuple[int, int]:
    moment, _, sequence = entry_id.partition("-")
    return int(moment), int(sequence)
