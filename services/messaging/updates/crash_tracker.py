"""Which updates may have killed a process, found out without a write per update in quiet times.

A consumer that ends well removes its token from the lane. Where that still stands, the last holder died, and every update
then in the lane is a suspect: a few are run one by one, each on record while it runs, many in batches on record first
(`quarantine`). Whoever follows a dead holder turns what that one had on record into marks; so nothing has to be taken back
of what nobody died of. With how many marks an update is accused, tried and given up stands in docs/chaos.md ("The innocent").
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis, RedisError

from services.messaging.updates.queued_update import QueuedUpdate
from services.platform.redis import keys
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.trouble import AWAY

logger = logging.getLogger(__name__)

# Fields of the suspects' hash beside entry ids with their marks. What has a slash is a token and an entry.
HELD: Final = "held"  # the token of the consumer at work
NEWEST: Final = "suspects"  # with the newest entry that stood in the lane when a holder died
FEW: Final = 64  # so many suspects are run one by one
ALONE: Final = 2  # marks for a death during a run alone
IN_BATCH: Final = 1
ACCUSED: Final = 2 * ALONE  # marks from which on it runs in a trial only
POISON: Final = ACCUSED + ALONE  # marks at which an update is given up unread
AGAIN_SECONDS: Final = 0.05  # before Redis is asked again to note that something runs alone no more


class CrashTracker:
    """The suspects of one lane, for the consumer that holds it. `marks` are those of earlier holders, by entry id."""

    def __init__(self, redis: Redis, lane: int, held: HeldLease, stays: dict[int, HeldLease]) -> None:
        """`stays`: by lane, under what lease this process had it last."""
        self._redis = redis
        self._number, self._lane = lane, keys.update_lane(lane)
        self._suspects = keys.update_suspects(lane)
        self._held, self._stays = held, stays
        self._token = held.lease.token
        self._newest = ""  # every entry up to this one is a suspect
        self._on_record: dict[str, int] = {}  # marks by entry id, of what is taken off when it ends
        self.few = True
        self.marks: dict[str, int] = {}

    @property
    def has_lane(self) -> bool:
        """Whether the lease certainly stands."""
        return self._held.alive

    def begin(self) -> None:
        """See whether the last holder died, and leave our own token. Raises RedisError; then the next stay sees the same."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._suspects)
            pipe.hsetnx(self._suspects, HELD, self._token)  # another's stays: this answer may be lost
            pipe.xlen(self._lane)
            pipe.xrevrange(self._lane, count=1)
            found, _, size, newest = pipe.execute()
        self.few = size <= FEW
        self._newest = max(
            (_entry(name) for name in found if _holder(name) == NEWEST), key=_order, default=""
        )
        self.marks = {name: int(number) for name, number in found.items() if name != HELD and "/" not in name}
        former, changed = found.get(HELD, self._token), dict[Any, Any]()
        if newest and not self._only_lost_its_lease(former):
            self._newest = newest[0][0]
            changed = self._died_of(former, found)
        if self._newest:
            changed[_field(NEWEST, self._newest)] = 1
        gone = [name for name in found if "/" in name and name not in changed]
        if not self.has_lane:  # whoever has it next sees what the last holder left
            return
        if former != self._token or gone:
            self._follow(changed, gone)
        self._stays[self._number] = self._held

    def includes(self, entry_id: str) -> bool:
        """Whether this entry stood in the lane when a holder died."""
        return bool(self._newest) and _order(entry_id) <= _order(self._newest)

    def record(self, entry_ids: Iterable[str], marks: int) -> None:
        """Put on record that these are about to run, ALONE or IN_BATCH, until they are settled; not for a stay that has lost its
        lane, and begins nothing any more. Raises RedisError.
        """
        on_record: dict[Any, Any] = {_field(self._token, entry_id): marks for entry_id in entry_ids}
        if on_record and self.has_lane:
            self._redis.hset(self._suspects, mapping=on_record)

    @contextmanager
    def on_record(self, queued: QueuedUpdate, marks: int = ALONE) -> Iterator[None]:
        """Keep an update on record while it runs alone; settling it takes it off as well. Raises RedisError."""
        entry_id, begins = queued.entry_id, False
        self._on_record[entry_id] = marks
        try:
            self.record([entry_id], marks)
            begins = self.has_lane
            yield
        finally:
            stays = queued.settled or (begins and self._held.overslept)
            if self._on_record.pop(entry_id, 0) and not stays:
                self._insist(lambda: self._redis.hdel(self._suspects, _field(self._token, entry_id)))

    def keep(self, queued: QueuedUpdate) -> None:
        """It is still at work, now beside others: it stays on record, as one of a batch, until it is settled."""
        self._on_record.pop(queued.entry_id, None)
        self._lighten(queued.entry_id, lambda: not queued.settled)

    def is_beside_others(self, queued: QueuedUpdate) -> None:
        """Others begin while it is on record: as one of a batch from now on."""
        if self._on_record.get(queued.entry_id, 0) > IN_BATCH:
            self._on_record[queued.entry_id] = IN_BATCH
            self._lighten(queued.entry_id, lambda: queued.entry_id in self._on_record)

    def hand_back(self) -> None:
        """The stay ends well with entries left: nobody died. Raises RedisError."""
        self._redis.hdel(self._suspects, HELD, _field(NEWEST, self._newest))

    def _only_lost_its_lease(self, former: str) -> bool:
        """Whether it is of this process, and Redis was away. One that stood still is as good as dead: it would do so again."""
        stay = self._stays.get(self._number)
        stood_still = stay is not None and stay.lease.token == former and stay.overslept
        if stood_still:
            logger.warning("lane %d was lost while this process stood still", self._number)
        return _is_of_one_process(former, self._token) and not stood_still

    def _died_of(self, former: str, found: Mapping[str, str]) -> dict[Any, Any]:
        """The marks of what the former holder had on record. Only a trial takes an update beyond ACCUSED."""
        died_of: dict[Any, Any] = {}
        for name, marks in found.items():
            if _holder(name) == former:
                before = self.marks.get(_entry(name), 0)
                after = before + int(marks)
                died_of[_entry(name)] = after if before >= ACCUSED else min(after, ACCUSED)
        self.marks |= died_of
        return died_of

    def _follow(self, changed: dict[Any, Any], gone: list[str]) -> None:
        """Replace the former holder in one step: until then whoever comes sees what that one left."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._suspects, mapping={HELD: self._token, **changed})
            if gone:
                pipe.hdel(self._suspects, *gone)
            pipe.execute()

    def _lighten(self, entry_id: str, is_on_record: Callable[[], bool]) -> None:
        def write() -> None:
            if is_on_record() and not self._held.overslept:
                self.record([entry_id], IN_BATCH)

        self._insist(write)

    def _insist(self, write: Callable[[], object]) -> None:
        """Without Redis nobody else can settle anything either, so it is waited for, as long as the lease stands. What a Redis
        that is full refuses stays as it was.
        """
        while True:
            try:
                write()
            except AWAY:
                if not self.has_lane:
                    return
                time.sleep(AGAIN_SECONDS)
            except RedisError as error:
                logger.warning("what is on record stays as it is: %s", error)
                return
            else:
                return


def suspects_among(fields: Iterable[str]) -> set[str]:
    """Ids of the entries that fields of a suspects' hash name."""
    return {_entry(name) for name in fields if name != HELD and _holder(name) != NEWEST}


def _field(holder: str, entry_id: str) -> str:
    return f"{holder}/{entry_id}"


def _holder(name: str) -> str:
    return name.rpartition("/")[0]


def _entry(name: str) -> str:
    return name.rpartition("/")[2]


def _is_of_one_process(token: str, other: str) -> bool:
    """By what tokens of leases begin with; nothing is known where processes have no identity."""
    process = token.partition(":")[0]
    return token == other or (bool(process) and process == other.partition(":")[0])


def _order(entry_id: str) -> tuple[int, int]:
    moment, _, sequence = entry_id.partition("-")
    return int(moment), int(sequence)
