"""Locks around handlers: one owner, renewed while it works, gone soon after its death."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from plugins.effects import Busy
from services.core.errors import Unavailable
from services.messaging.limits.locks import Locks
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import LeaseRenewer
from tools.servers.sandbox import wait_until


def of_a_process(platform: Platform) -> Locks:
    """The locks of one process."""
    return Locks(LeaseRenewer(platform.redis), ttl_seconds=2.0)


def test_of_many_racing_processes_one_holds_the_lock_at_a_time(platform: Platform) -> None:
    processes = [of_a_process(platform) for _ in range(2)]
    inside, most, done = [0], [0], [0]
    guard = threading.Lock()

    def work(number: int) -> None:
        try:
            with processes[number % 2].hold(1, "till", patient=False):
                with guard:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0.002)
                with guard:
                    inside[0] -= 1
                    done[0] += 1
        except Busy:
            pass

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(300)))
    assert most == [1]
    assert done[0] > 1


def test_it_is_renewed_while_the_work_runs_and_given_back_at_its_end(platform: Platform) -> None:
    locks = of_a_process(platform)
    with locks.hold(1, "till", patient=False):
        time.sleep(2.5)
        assert platform.redis.pttl(keys.lease("lock:1:till")) > 0
        with pytest.raises(Busy), of_a_process(platform).hold(1, "till", patient=False):
            pass
        with of_a_process(platform).hold(2, "till", patient=False):
            pass  # another bot's
    assert not platform.redis.exists(keys.lease("lock:1:till"))


def test_it_is_given_back_when_the_work_fails(platform: Platform) -> None:
    locks = of_a_process(platform)
    with pytest.raises(ValueError, match="on order"), locks.hold(1, "till", patient=False):
        raise ValueError("on order")
    with locks.hold(1, "till", patient=False):
        pass


def test_an_update_that_comes_again_waits_for_its_dead_holder(platform: Platform) -> None:
    name = keys.lease("lock:1:till")
    platform.redis.set(name, "of a dead process", px=60_000)
    locks = of_a_process(platform)
    with pytest.raises(Unavailable), locks.hold(1, "till", patient=True):
        pass
    platform.redis.pexpire(name, 1)
    wait_until(lambda: not platform.redis.exists(name))
    with locks.hold(1, "till", patient=True):
        pass


def test_work_whose_lock_was_lost_does_not_count_and_leaves_the_next_owner_alone(platform: Platform) -> None:
    locks = of_a_process(platform)
    name = keys.lease("lock:1:till")
    with pytest.raises(Unavailable, match="was lost"), locks.hold(1, "till", patient=False):
        platform.redis.set(name, "somebody else")
        time.sleep(1.5)  # the renewal finds out
    assert platform.redis.get(name) == "somebody else"
