"""Bots that are stopped while a broadcast runs: their people wait, and nobody else's."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import update

from models import Bot, Broadcast, BroadcastRecipient
from services.messaging.broadcasts.feed import AT_ONCE, Feed
from services.messaging.broadcasts.lifecycle import start
from services.messaging.broadcasts.outbox_link import OutboxLink
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.broadcasts.conftest import Meet, status_of
from tests.services.messaging.draining import QUICK, QUICK_SENDING
from tools.servers.fleet import working
from tools.servers.sandbox import Sandbox, wait_until

Make = Callable[..., Broadcast]


def let_run(platform: Platform, bot: Bot, is_running: bool) -> None:
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == bot.id).values(desired_running=is_running))


def texts(sandbox: Sandbox) -> Counter[int]:
    return Counter(int(each["chat_id"]) for each in sandbox.sent(method="sendMessage"))


@pytest.mark.data
@pytest.mark.usefixtures("running")
def test_people_of_a_bot_that_is_stopped_in_the_middle_wait_until_it_is_back(
    platform: Platform, sandbox: Sandbox, bots: list[Bot], meet: Meet, make: Make, caller: Principal
) -> None:
    first, second = meet(4), meet(6, 1)
    made = make(per_second=2)
    start(platform, caller, made.id)
    wait_until(lambda: platform.redis.xlen(keys.outbox(bots[1].id, "bulk")))
    let_run(platform, bots[1], False)
    with working(platform, QUICK, QUICK_SENDING):
        wait_until(lambda: texts(sandbox).keys() >= set(first))
        time.sleep(2.0)  # in which all would have theirs
        assert len(texts(sandbox)) < len(first + second)
        let_run(platform, bots[1], True)
        wait_until(lambda: status_of(platform, made) == "done")
    assert texts(sandbox) == Counter(first + second)


def test_bots_that_rest_take_no_place_of_those_that_work(
    platform: Platform, bots: list[Bot], make: Make, caller: Principal
) -> None:
    resting, working_bot = bots
    made = make()
    start(platform, caller, made.id)
    let_run(platform, resting, False)
    waiting = [(resting.id, 1000 + place) for place in range(2 * AT_ONCE)] + [(working_bot.id, 9)]
    with platform.database.transaction() as session:
        session.execute(update(Broadcast).where(Broadcast.id == made.id).values(status="running"))
        session.add_all(
            BroadcastRecipient(broadcast_id=made.id, telegram_id=person, bot_id=bot_id)
            for bot_id, person in waiting
        )
    held = platform.leases.take("broadcasts")
    assert held is not None
    made.per_second = AT_ONCE  # one bot that rests would take all of a claim
    feed = Feed(platform, OutboxLink(platform, held), made)
    assert feed.begin()
    assert feed.feed()
    held.release()
    assert feed.pace.bots == {resting.id}, "the other one's people are taken on"
