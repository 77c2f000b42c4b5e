"""Lanes and shards are shared among the processes that serve them, and what waits for a worker gets one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue, waiting_jobs
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.leases import TAKE
from services.platform.redis.process_identity import process_identity
from services.queueing.fair_share import FairShare, share_out, taking
from services.queueing.heartbeats import beat, process_name
from tests.services.platform.redis.test_process_identity import another_process
from tools.servers.sandbox import wait_until

STREAMS = 8
ELSEWHERE = "0123456789ab.1.2"  # a process of another machine


def unsettled(patience: float = 1.0) -> FairShare:
    """Whose leases may be asked for as soon as they are taken."""
    return FairShare(STREAMS, settled=0.0, patience=patience)


@pytest.fixture
def stays() -> Iterator[ExitStack]:
    """What is held until the test ends."""
    with ExitStack() as stack:
        yield stack


def hold(platform: Platform, share: FairShare, stays: ExitStack, number: int) -> list[HeldLease]:
    """So many leases, one after the other."""
    held = [platform.leases.take(f"lane:{lane}") for lane in range(number)]
    leases = [lease for lease in held if lease is not None]
    for lease in leases:
        stays.enter_context(share.holding(lease))
        stays.callback(lease.release)
    assert len(leases) == number
    return leases


@pytest.mark.parametrize(
    ("held", "mine", "others", "waiting", "wanted"),
    [
        (8, 8, 0, 0, 0),
        (8, 8, 8, 0, 4),
        (8, 8, 16, 0, 5),
        (5, 8, 8, 0, 1),
        (4, 8, 8, 0, 0),
        (1, 8, 152, 0, 0),  # more processes than lanes: whoever has one keeps it
        (8, 8, 2, 0, 1),  # by workers, not by processes
        (8, 24, 2, 0, 0),
        (8, 2, 1, 0, 1),  # the other cannot serve more
        (8, 8, 0, 2, 2),  # no worker is free for what waits
        (3, 8, 0, 9, 3),
        (0, 8, 8, 1, 0),
    ],
)
def test_what_is_more_than_the_part_of_a_process_is_wanted_back_the_oldest_first(
    platform: Platform, stays: ExitStack, held: int, mine: int, others: int, waiting: int, wanted: int
) -> None:
    share = unsettled()
    leases = hold(platform, share, stays, held)
    share.weigh(mine, {ELSEWHERE: others}, waiting)
    assert [lease.wanted_back for lease in leases] == [True] * wanted + [False] * (held - wanted)
    share.weigh(mine, {ELSEWHERE: others}, waiting)  # they are on their way
    assert sum(lease.wanted_back for lease in leases) == wanted


def test_a_wish_does_not_stand_for_long(platform: Platform, stays: ExitStack) -> None:
    share = unsettled(patience=0.2)
    [lease] = hold(platform, share, stays, 1)
    share.weigh(8, {}, 1)
    assert lease.wanted_back
    wait_until(lambda: not lease.wanted_back)


def test_a_lease_is_left_where_it_came_to_for_a_while(platform: Platform, stays: ExitStack) -> None:
    share = FairShare(STREAMS)
    [lease] = hold(platform, share, stays, 1)
    share.weigh(8, {}, 1)
    assert not lease.wanted_back


def test_what_was_handed_back_is_held_no_more(platform: Platform, stays: ExitStack) -> None:
    share = unsettled()
    gone = platform.leases.take("lane:7")
    assert gone is not None
    with share.holding(gone):
        pass
    gone.release()
    leases = hold(platform, share, stays, 4)
    share.weigh(8, {ELSEWHERE: 8}, 0)
    assert not any(lease.wanted_back for lease in [gone, *leases])


def test_only_living_processes_that_serve_the_queue_have_a_part(platform: Platform, stays: ExitStack) -> None:
    both, updates = {"updates": 8, "outbound": 8}, {"updates": 8}
    for name, figures in (
        (process_name("worker"), {"queues": both}),
        ("worker@there:2", {"queues": updates}),
        ("worker@lost:3", {"queues": both}),
        ("worker@former-release:4", {"workers": 18}),
        ("worker@later-release:6", {"queues": ["updates"]}),
        ("clock@here:5", {}),
    ):
        beat(platform, name, figures)
    silent = json.loads(str(platform.redis.get(keys.heartbeat("worker@lost:3"))))
    platform.redis.set(keys.heartbeat("worker@lost:3"), json.dumps({**silent, "at": time.time() - 20}), ex=60)
    lanes, shards = unsettled(), unsettled()
    leases = hold(platform, lanes, stays, 8)
    for lease in leases:
        stays.enter_context(shards.holding(lease))
    share_out(platform, {JobQueue.OUTBOUND: shards})
    assert not any(lease.wanted_back for lease in leases), "one process serves the shards"
    share_out(platform, {JobQueue.UPDATES: lanes})
    assert sum(lease.wanted_back for lease in leases) == 4


def test_a_job_that_nobody_takes_frees_a_worker(platform: Platform, stays: ExitStack) -> None:
    share = unsettled()
    leases = hold(platform, share, stays, 3)
    beat(platform, process_name("worker"), {"queues": {"updates": 8, "outbound": 8}})
    enqueue(platform.job_redis, JobName.DRAIN_LANE, 5)
    share_out(platform, {JobQueue.UPDATES: share, JobQueue.OUTBOUND: unsettled()})
    assert [lease.wanted_back for lease in leases] == [True, False, False]


def take(share: FairShare, stays: ExitStack, number: int) -> list[bool]:
    """Whether each of so many streams that ring one after the other may be taken."""
    return [stays.enter_context(share.place(stream)) for stream in range(number)]


@pytest.mark.parametrize(
    ("mine", "others", "taken"),
    [(8, 0, 8), (8, 8, 4), (8, 16, 3), (8, 2, 7), (8, 1, 8), (2, 8, 2)],
)
def test_what_rings_beyond_the_part_of_a_process_is_not_taken(
    stays: ExitStack, mine: int, others: int, taken: int
) -> None:
    share = unsettled()
    share.weigh(mine, {ELSEWHERE: others}, 0)
    assert take(share, stays, STREAMS) == [True] * taken + [False] * (STREAMS - taken)


def test_before_anything_is_known_of_others_everything_is_taken(stays: ExitStack) -> None:
    assert all(take(unsettled(), stays, STREAMS))


def test_a_stay_that_ends_leaves_room_for_another_stream(stays: ExitStack) -> None:
    share = unsettled()
    share.weigh(8, {ELSEWHERE: 8}, 0)
    take(share, stays, 3)
    with share.place(3) as takes:
        assert takes
        with share.place(4) as takes_more:
            assert not takes_more
    with share.place(4) as takes:
        assert takes


def test_what_nobody_else_takes_is_taken_at_last(stays: ExitStack) -> None:
    share = unsettled()
    share.weigh(2, {ELSEWHERE: 14}, 0)
    take(share, stays, 1)
    rings = []
    for _ in range(4):
        with share.place(7) as takes:
            rings.append(takes)
    assert rings == [False, False, True, False], "each of its two workers had heard it"


def test_a_process_alone_takes_what_rings_however_many_workers_it_has(stays: ExitStack) -> None:
    share = unsettled()
    share.weigh(16, {}, 0)
    assert all(take(share, stays, STREAMS + 1))


@pytest.mark.skipif(not process_identity(), reason="/proc tells nothing of processes here")
def test_who_dies_after_the_last_look_has_no_part_any_more(platform: Platform, stays: ExitStack) -> None:
    share = unsettled()
    beat(platform, process_name("worker"), {"queues": {"updates": 8}})
    with another_process() as (process, name):
        beat(platform, "worker@here:2", {"queues": {"updates": 8}})
        said = json.loads(str(platform.redis.get(keys.heartbeat("worker@here:2"))))
        platform.redis.set(keys.heartbeat("worker@here:2"), json.dumps({**said, "bearer": name}), ex=60)
        share_out(platform, {JobQueue.UPDATES: share})
        assert sum(take(share, stays, STREAMS)) == 4
        process.kill()
        process.wait(10)
        assert sum(take(share, stays, STREAMS)) == STREAMS


def test_a_ring_for_what_somebody_holds_goes_to_nobody(platform: Platform, stays: ExitStack) -> None:
    share = unsettled()
    share.weigh(8, {ELSEWHERE: 8}, 0)
    take(share, stays, 4)
    lease = platform.leases.take("lane:6")
    assert lease is not None
    stays.callback(lease.release)
    platform.redis.set(keys.wakeup("lane", 6), "1")
    with taking(platform, share, "lane", 6, JobName.DRAIN_LANE) as held:
        assert held is None
    assert not platform.redis.exists(keys.wakeup("lane", 6))
    assert not waiting_jobs(platform.redis, JobQueue.UPDATES)


def test_a_stream_that_is_not_taken_rings_for_another_process(platform: Platform, stays: ExitStack) -> None:
    share = unsettled()
    share.weigh(8, {ELSEWHERE: 8}, 0)
    take(share, stays, 4)
    with taking(platform, share, "lane", 6, JobName.DRAIN_LANE) as held:
        assert held is None
    assert not platform.redis.exists(keys.lease("lane:6"))
    assert waiting_jobs(platform.redis, JobQueue.UPDATES) == 1


def test_a_stream_that_was_left_while_redis_was_away_rings_when_it_is_back(platform: Platform) -> None:
    away = Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"})).redis
    with taking(platform, FairShare(STREAMS), "lane", 1, JobName.DRAIN_LANE) as held:
        assert held is not None
        object.__setattr__(held.lease, "redis", away)
    assert waiting_jobs(platform.redis, JobQueue.UPDATES) == 0
    object.__setattr__(held.lease, "redis", platform.redis)
    wait_until(lambda: waiting_jobs(platform.redis, JobQueue.UPDATES) == 1, seconds=3)
    assert not platform.redis.exists(keys.lease("lane:1"))


def test_a_stream_whose_taking_was_never_answered_rings_though_its_bell_does(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bell that brought us there may still ring: nobody else would be told for two seconds."""

    def take(redis: Redis, names: list[str], values: list[str]) -> object:
        TAKE(redis, names, values)
        raise RedisConnectionError

    platform.redis.set(keys.wakeup("lane", 1), "1")
    monkeypatch.setattr("services.platform.redis.leases.TAKE", take)
    with (
        pytest.raises(RedisConnectionError),
        taking(platform, FairShare(STREAMS), "lane", 1, JobName.DRAIN_LANE),
    ):
        pass
    wait_until(lambda: waiting_jobs(platform.redis, JobQueue.UPDATES) == 1, seconds=1.5)
    assert not platform.redis.exists(keys.lease("lane:1"))
