"""Leases that are held for long: renewed together, sure of by our own clock, given back once."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import gevent
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from services.platform.platform import Platform
from services.platform.redis import keys, lease_renewer
from services.platform.redis.lease_renewer import TTL_SECONDS, HeldLease, LeaseRenewer
from services.platform.redis.leases import RENEW, TAKE
from tools.servers.sandbox import wait_until
from tools.servers.valkey import stalled


def taken(renewer: LeaseRenewer, name: str, ttl_seconds: float = TTL_SECONDS) -> HeldLease:
    held = renewer.take(name, ttl_seconds=ttl_seconds)
    assert held is not None
    return held


def test_leases_of_any_length_are_renewed_in_one_round_trip_until_they_are_released(
    platform: Platform,
) -> None:
    renewer = LeaseRenewer(platform.redis, renew_seconds=0.2)
    lengths = {f"work:{number}": 1.0 + number for number in range(20)}
    held = [taken(renewer, name, ttl_seconds=seconds) for name, seconds in lengths.items()]
    calls = _scripts_run(platform)
    time.sleep(2.1)
    assert _scripts_run(platform) - calls <= 11
    assert all(each.alive for each in held), "also those of one second"
    left = {name: platform.redis.pttl(keys.lease(name)) / 1000 for name in lengths}
    assert all(lengths[name] - 0.7 < left[name] <= lengths[name] for name in lengths), "each its own length"
    for each in held:
        each.release()
    assert not platform.redis.exists(*(keys.lease(name) for name in lengths))
    wait_until(lambda: "leases" not in {thread.name for thread in threading.enumerate()}, seconds=10)


def test_a_lease_that_somebody_else_has_is_lost_for_good_and_left_to_him(platform: Platform) -> None:
    renewer = LeaseRenewer(platform.redis)
    held = taken(renewer, "x")
    platform.redis.set(keys.lease("x"), "somebody else")
    wait_until(lambda: not held.alive, seconds=10)
    held.renewed(time.monotonic())
    assert not held.alive
    held.release()
    assert platform.redis.get(keys.lease("x")) == "somebody else"


def test_a_lease_was_overslept_where_nobody_renewed_it(platform: Platform) -> None:
    """As where a handler kept the process from everything else; not where Redis was away, or gave it to somebody else."""
    asleep = taken(LeaseRenewer(platform.redis, renew_seconds=5), "asleep", ttl_seconds=0.3)
    renewer, alone = (LeaseRenewer(platform.redis, renew_seconds=0.1) for _ in range(2))
    renewed, lost = (taken(renewer, name, ttl_seconds=1.0) for name in ("renewed", "lost"))
    platform.redis.set(keys.lease("lost"), "somebody else")
    unanswered = taken(alone, "unanswered", ttl_seconds=1.0)
    alone._redis = Redis(port=9, retry=Retry(NoBackoff(), 0))  # nobody listens there
    wait_until(lambda: not any(each.alive for each in (asleep, lost, unanswered)))
    assert renewed.alive
    assert [each.overslept for each in (asleep, renewed, lost, unanswered)] == [True, False, False, False]
    renewed.release()


def test_a_renewal_that_was_under_way_brings_no_released_lease_back(platform: Platform) -> None:
    held = taken(LeaseRenewer(platform.redis), "x")
    asked = time.monotonic()
    held.release()
    held.renewed(asked)
    assert not held.alive
    assert not platform.redis.exists(keys.lease("x"))


def test_a_holder_that_slept_knows_it_before_it_asks_and_gives_nothing_back(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = taken(LeaseRenewer(platform.redis), "x", ttl_seconds=5)
    assert held.outlasts(4)
    assert not held.outlasts(6)
    slept = SimpleNamespace(monotonic=lambda: time.monotonic() + 5, sleep=time.sleep)
    monkeypatch.setattr(lease_renewer, "time", slept)
    assert not held.alive
    held.release()
    assert platform.redis.exists(keys.lease("x")), "it may be somebody else's by now: it runs out"


@pytest.fixture
def away(platform: Platform) -> Redis:
    """A Redis that does not answer."""
    return Platform(platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"})).redis


def answers_of(held: HeldLease, redis: Redis) -> None:
    """From now on this one answers when the lease is given back."""
    object.__setattr__(held.lease, "redis", redis)


def test_what_cannot_be_given_back_without_redis_is_given_back_when_there_is_one(
    platform: Platform, away: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[bool] = []
    renewer = LeaseRenewer(platform.redis)
    held = renewer.take(
        "x", ttl_seconds=60, on_late_return=lambda: told.append(bool(platform.redis.exists(keys.lease("x"))))
    )
    assert held is not None
    answers_of(held, away)
    held.release()
    assert not held.alive
    assert "lease x not given back" in caplog.text
    time.sleep(1)
    assert platform.redis.exists(keys.lease("x"))
    answers_of(held, platform.redis)
    wait_until(lambda: told == [False], seconds=10)
    assert not held.is_owed
    wait_until(lambda: "leases" not in {thread.name for thread in threading.enumerate()}, seconds=10)


@pytest.mark.parametrize("error", [RedisConnectionError, gevent.Timeout])
def test_a_lease_whose_taking_was_never_answered_is_given_back_and_rung_for(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """Else the lane of a Redis that was killed at that moment has nobody, and a holder who lives, until it runs out."""

    def take(redis: Redis, names: list[str], values: list[str]) -> object:
        TAKE(redis, names, values)
        raise error

    told: list[bool] = []
    monkeypatch.setattr("services.platform.redis.leases.TAKE", take)
    with pytest.raises(error):
        LeaseRenewer(platform.redis).take("x", ttl_seconds=60, on_late_return=lambda: told.append(True))
    wait_until(lambda: told == [True], seconds=10)
    assert not platform.redis.exists(keys.lease("x"))


def test_what_a_silent_redis_takes_when_it_speaks_again_is_given_back(platform: Platform) -> None:
    """However long the silence: nobody knows of the lease then, and its holder lives."""
    told: list[bool] = []
    renewer = LeaseRenewer(platform.redis)
    with stalled(platform.redis):
        with pytest.raises(RedisTimeoutError):
            renewer.take("x", ttl_seconds=3, on_late_return=lambda: told.append(True))
        time.sleep(1.5)  # until its holder could be sure that it has run out
    wait_until(lambda: told == [True], seconds=10)
    assert not platform.redis.exists(keys.lease("x"))


def test_a_lease_that_redis_refuses_leaves_nothing_to_give_back(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> object:
        raise OutOfMemoryError

    renewer = LeaseRenewer(platform.redis)
    monkeypatch.setattr("services.platform.redis.leases.TAKE", refuse)
    with pytest.raises(OutOfMemoryError):
        renewer.take("x")
    assert renewer._held == []


def test_a_taking_that_is_asked_for_twice_is_ours(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the client does when a connection breaks before the answer."""

    def take(redis: Redis, names: list[str], values: list[str]) -> object:
        TAKE(redis, names, values)
        return TAKE(redis, names, values)

    monkeypatch.setattr("services.platform.redis.leases.TAKE", take)
    held = taken(LeaseRenewer(platform.redis), "x")
    assert platform.redis.get(keys.lease("x")) == held.lease.token
    held.release()


def test_a_lease_given_back_late_holds_up_no_renewal_of_others(platform: Platform, away: Redis) -> None:
    renewer, go = LeaseRenewer(platform.redis, renew_seconds=0.1), threading.Event()
    other = taken(renewer, "other", ttl_seconds=2)
    held = renewer.take("x", on_late_return=lambda: go.wait(30))
    assert held is not None
    answers_of(held, away)
    held.release()
    answers_of(held, platform.redis)
    wait_until(lambda: not held.is_owed, seconds=10)
    time.sleep(2.5)
    assert other.alive
    other.release()
    go.set()


def test_what_ran_out_before_redis_came_back_is_left_to_whoever_has_it(
    platform: Platform, away: Redis
) -> None:
    told: list[bool] = []
    held = LeaseRenewer(platform.redis).take("x", ttl_seconds=1, on_late_return=lambda: told.append(True))
    assert held is not None
    answers_of(held, away)
    held.release()
    wait_until(lambda: not platform.redis.exists(keys.lease("x")), seconds=10)
    other = taken(LeaseRenewer(platform.redis), "x")
    answers_of(held, platform.redis)
    time.sleep(1)
    assert (other.alive, told) == (True, [])
    other.release()


def _scripts_run(platform: Platform) -> int:
    return int(platform.redis.info("commandstats")["cmdstat_evalsha"]["calls"])


def test_a_lease_taken_while_others_are_renewed_ends_no_renewal(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewer, renewals = LeaseRenewer(platform.redis, renew_seconds=0.01), list[int]()
    held: list[HeldLease] = []

    def renew(redis: Redis, names: list[str], values: list[str]) -> object:
        renewals.append(len(names))
        if len(held) == 1:
            held.append(taken(renewer, "second"))
        return RENEW(redis, names, values)

    monkeypatch.setattr("services.platform.redis.lease_renewer.RENEW", renew)
    held.append(taken(renewer, "first"))
    wait_until(lambda: renewals[-3:] == [2, 2, 2])
    for each in held:
        each.release()
