"""Who was erased is forgotten by Redis too, whoever dies on the way."""

from __future__ import annotations

import pytest
from gevent import GreenletExit
from redis.exceptions import ResponseError

from services.core.errors import NotFound
from services.operations.personal_data import redis_traces
from services.operations.personal_data.redis_traces import (
    forget_people,
    forget_person,
    forget_soon,
    forgetting,
    wake_if_forgetting,
)
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys, upkeep_keys
from tests.services.fleet.pools.fleet import new_account, new_bot

PERSON, OTHER = 815_004_711, 815_004_712


@pytest.fixture
def owner(platform: Platform) -> Principal:
    """Whose bot has a conversation with both people."""
    account = new_account(platform)
    bot = new_bot(platform, account)
    for person in (PERSON, OTHER):
        platform.redis.set(keys.conversation(bot.id, person, person), "{}")
    return account


def told_of(platform: Platform, person: int) -> list[str]:
    """The keys of somebody."""
    return [str(key) for key in platform.redis.scan_iter() if str(person) in str(key)]


def waiting(platform: Platform) -> int:
    """How many jobs wait, which are then lost."""
    number = int(platform.job_redis.llen("rq:queue:default"))
    platform.job_redis.delete("rq:queue:default")
    return number


def test_a_worker_that_dies_over_a_person_leaves_them_to_the_next(
    owner: Principal, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that was taken is rung for by nobody: who has asked to be forgotten may not depend on it."""
    for person in (PERSON, OTHER):
        forget_soon(platform, owner.account_id, person)
    assert waiting(platform) == 1

    def die(*_: object) -> int:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(redis_traces, "forget_person", die)
        with pytest.raises(SystemExit):
            forget_people(platform)
    wake_if_forgetting(platform)
    assert waiting(platform) == 1
    forget_people(platform)
    assert (told_of(platform, PERSON), waiting(platform)) == ([], 1)
    assert told_of(platform, OTHER), "others have their turn in between"
    forget_people(platform)
    assert (told_of(platform, OTHER), waiting(platform)) == ([], 0)


@pytest.mark.parametrize("error", [KeyError, ResponseError])
def test_one_who_cannot_be_forgotten_holds_up_nobody(
    owner: Principal, platform: Platform, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    forgotten = list[int]()

    def forget(_platform: Platform, _account_id: int, telegram_id: int) -> int:
        forgotten.append(telegram_id)
        if telegram_id == PERSON:
            raise error
        return 0

    monkeypatch.setattr(redis_traces, "forget_person", forget)
    for person in (PERSON, OTHER):
        forget_soon(platform, owner.account_id, person)
    with pytest.raises(error):
        forget_people(platform)
    forget_people(platform)
    with pytest.raises(error):
        forget_people(platform)
    assert forgotten == [PERSON, OTHER, PERSON]


def test_while_one_worker_is_at_it_no_other_is(owner: Principal, platform: Platform) -> None:
    held = platform.leases.take(redis_traces.LEASE)
    assert held is not None
    forget_soon(platform, owner.account_id, PERSON)
    forget_people(platform)
    assert told_of(platform, PERSON)
    held.release()


def test_who_is_erased_again_meanwhile_is_forgotten_again(
    owner: Principal, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = list[int]()

    def forget(platform: Platform, account_id: int, telegram_id: int) -> int:
        if not forgotten:  # they came back, and asked once more
            forget_soon(platform, account_id, telegram_id)
        forgotten.append(telegram_id)
        return forget_person(platform, account_id, telegram_id)

    forget_soon(platform, owner.account_id, PERSON)
    monkeypatch.setattr(redis_traces, "forget_person", forget)
    for _ in range(3):
        forget_people(platform)
    assert forgotten == [PERSON, PERSON]


@pytest.mark.parametrize("error", [NotFound("no such person"), ValueError()])
def test_who_was_not_erased_is_not_forgotten(owner: Principal, platform: Platform, error: Exception) -> None:
    with pytest.raises(type(error)), forgetting(platform, owner.account_id, PERSON):
        raise error
    assert not platform.redis.xlen(upkeep_keys.to_forget())


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, GreenletExit])
def test_a_process_that_dies_between_rows_and_redis_has_them_forgotten(
    owner: Principal, platform: Platform, end: type[BaseException]
) -> None:
    """It may be ended when the database has done what it was asked for, and nobody has heard of it."""
    with pytest.raises(end), forgetting(platform, owner.account_id, PERSON):
        raise end
    wake_if_forgetting(platform)
    assert waiting(platform) == 1
    forget_people(platform)
    assert told_of(platform, PERSON) == []
