"""Real processes, stopped, killed and unburied: only a certainly dead one loses what it holds before its time."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from launch.programs import ROOT
from services.messaging.updates.intake import Intake, Outcome
from services.messaging.updates.reconcile import wake_waiting
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import LeaseRenewer
from services.platform.redis.leases import Lease
from services.platform.redis.process_identity import is_dead, process_identity
from tools.servers.fleet import message
from tools.servers.sandbox import wait_until

pytestmark = pytest.mark.skipif(not process_identity(), reason="/proc tells nothing of processes here")
TELL = "from services.platform.redis.process_identity import process_identity; print(process_identity(), flush=True); input()"


@contextmanager
def another_process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that lives until it is killed, and the name it bears."""
    command = [sys.executable, "-c", TELL]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def test_a_process_is_dead_once_it_was_killed_even_before_its_parent_looks() -> None:
    with another_process() as (process, name):
        assert not is_dead(name)
        process.send_signal(signal.SIGSTOP)
        assert not is_dead(name)
        process.kill()
        wait_until(lambda: is_dead(name))
        process.wait()
        assert is_dead(name)


def test_of_a_later_process_of_the_same_id_and_of_other_machines_nothing_is_mistaken() -> None:
    machine, number, start = process_identity().split(".")
    assert not is_dead(process_identity())
    assert is_dead(f"{machine}.{number}.{int(start) - 1}")
    assert not is_dead(f"{'0' * len(machine)}.{number}.{int(start) - 1}")
    assert not any(is_dead(name) for name in ("", "token", f"{machine}.x.1"))


def test_the_lease_of_a_killed_process_is_taken_at_once_and_its_token_is_worth_nothing_then(
    platform: Platform,
) -> None:
    with another_process() as (process, name):
        former = Lease(platform.redis, "x", f"{name}:token", 60.0)
        platform.redis.set(keys.lease("x"), former.token, px=60_000)
        process.send_signal(signal.SIGSTOP)
        assert LeaseRenewer(platform.redis).take("x") is None
        process.kill()
        process.wait()
    assert LeaseRenewer(platform.redis).take("x") is not None
    assert not former.renew()
    former.release()
    assert Lease.take(platform.redis, "x", ttl_seconds=5) is None


def test_work_of_a_killed_process_is_rung_for_while_its_lease_still_stands(platform: Platform) -> None:
    lane = next(n for n in range(platform.settings.update_lanes) if _accepted_into(platform, n))
    with another_process() as (process, name):
        platform.redis.set(keys.lease(f"lane:{lane}"), f"{name}:token", px=60_000)
        platform.redis.delete(keys.wakeup("lane", lane))
        assert wake_waiting(platform) == 0
        process.kill()
        process.wait()
    assert wake_waiting(platform) == 1
    assert wake_waiting(platform) == 0  # the bell rings already
    assert wake_waiting(platform, anew=True) == 1


def _accepted_into(platform: Platform, lane: int) -> bool:
    """Take one update in; whether it went into the lane."""
    if platform.redis.xlen(keys.update_lane(lane)) == 0:
        assert Intake(platform).accept(7, message(1, 5, "hello")) in (Outcome.RING, Outcome.DUPLICATE)
    return bool(platform.redis.xlen(keys.update_lane(lane)))
