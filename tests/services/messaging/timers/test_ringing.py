"""A timer goes off once, whatever is killed, lost, stopped or cancelled on the way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from models import Bot, BotAccess, BotPlugin, DeadLetter, Timer
from services.core.settings import Settings
from services.core.times import utc_now
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.messaging.timers.putting_off import AGAIN, look_again
from services.messaging.timers.ringing import ring_due, wake_for_timers
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.jobs import JobName, JobQueue, waiting_jobs
from tests.services.messaging.draining import handle_all, letters, replies
from tests.services.messaging.updates import timing_plugins
from tools.servers.fleet import accept_all, add_bot, message, reconciling, stream, worker_process
from tools.servers.sandbox import Sandbox, wait_until

WORKER = ("-c", f"import jobs.worker, {timing_plugins.__name__}; jobs.worker.main()")
NAMES = {"first_name": "Ana"}


def in_lanes(platform: Platform) -> int:
    return sum(
        len(stream(platform, keys.update_lane(lane))) for lane in range(platform.settings.update_lanes)
    )


def waiting(platform: Platform) -> int:
    with platform.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Timer)) or 0


def later(platform: Platform, span: timedelta = AGAIN) -> int:
    """Ring as the clock does after `span`."""
    return ring_due(platform, clock=lambda: utc_now() + span)


def change_bot(platform: Platform, bot: Bot, **values: Any) -> None:
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == bot.id).values(**values))
    announce(platform.redis, Topic.BOT, bot.id)


def set_timer(platform: Platform, bot: Bot, number: int = 1, text: str = "/in 0") -> None:
    accept_all(platform, bot, [message(number, 5, text, **NAMES)])
    handle_all(platform)


@pytest.mark.data
def test_a_timer_comes_when_it_is_due_with_what_was_noted_and_then_it_is_gone(
    platform: Platform, bot: Bot
) -> None:
    set_timer(platform, bot, text="/in 30")
    assert (wake_for_timers(platform), ring_due(platform)) == (False, 0)
    assert later(platform) == 1
    handle_all(platform)
    assert replies(platform, bot) == [("5", "set"), ("5", "Ana /in 30 1")]
    assert (waiting(platform), later(platform, timedelta(days=1))) == (0, 0)


def test_the_clock_rings_for_what_is_due_once(platform: Platform, bot: Bot) -> None:
    set_timer(platform, bot)
    assert [wake_for_timers(platform), wake_for_timers(platform)] == [True, False]
    assert waiting_jobs(platform.redis, JobQueue.DEFAULT)
    assert JobName.RING_TIMERS.startswith("jobs.timers.")


@pytest.mark.data
def test_a_timer_that_is_set_anew_after_it_was_rung_comes_at_its_new_time_alone(
    platform: Platform, bot: Bot
) -> None:
    set_timer(platform, bot)
    accept_all(platform, bot, [message(2, 5, "/in 500", **NAMES), message(3, 6, "/in 500", **NAMES)])
    assert ring_due(platform) == 1  # stands behind the change
    handle_all(platform)
    assert sorted(replies(platform, bot)) == [("5", "set"), ("5", "set"), ("6", "set")]
    assert later(platform, timedelta(seconds=600)) == 2  # each chat's is its own
    handle_all(platform)
    assert sorted(replies(platform, bot))[:1] + sorted(replies(platform, bot))[3:4] in (
        [("5", "Ana /in 500 1"), ("6", "Ana /in 500 2")],
        [("5", "Ana /in 500 2"), ("6", "Ana /in 500 1")],
    )


def test_a_timer_that_is_cancelled_after_it_was_rung_does_nothing(platform: Platform, bot: Bot) -> None:
    set_timer(platform, bot)
    accept_all(platform, bot, [message(2, 5, "/off", **NAMES)])
    assert ring_due(platform) == 1  # stands behind the cancellation
    handle_all(platform)
    assert replies(platform, bot) == [("5", "set")]


@pytest.mark.data
def test_what_is_rung_twice_is_handled_once(platform: Platform, bot: Bot) -> None:
    """As when a lane takes longer than a minute."""
    set_timer(platform, bot)
    assert (ring_due(platform), ring_due(platform), later(platform)) == (1, 0, 1)
    assert in_lanes(platform) == 2
    handle_all(platform)
    assert replies(platform, bot) == [("5", "set"), ("5", "Ana /in 0 1")]


def test_a_redis_that_lost_everything_loses_no_timer(platform: Platform, bot: Bot) -> None:
    set_timer(platform, bot)
    assert ring_due(platform) == 1
    platform.redis.flushall()
    assert later(platform) == 1
    handle_all(platform)
    assert replies(platform, bot) == [("5", "Ana /in 0 1")]


def test_two_workers_that_ring_at_once_ring_once(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(n, n, "/in 0", **NAMES) for n in range(1, 41)])
    handle_all(platform)
    threads = [threading.Thread(target=ring_due, args=(platform,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert in_lanes(platform) == 40


def _stopped(platform: Platform, bot: Bot) -> Callable[[], None]:
    change_bot(platform, bot, desired_running=False)
    return lambda: change_bot(platform, bot, desired_running=True)


def _in_maintenance(platform: Platform, bot: Bot) -> Callable[[], None]:
    change_bot(platform, bot, maintenance=True)
    return lambda: change_bot(platform, bot, maintenance=False)


def _without_plugin(platform: Platform, bot: Bot) -> Callable[[], None]:
    def switch(on: bool) -> None:
        with platform.database.transaction() as session:
            session.execute(update(BotPlugin).where(BotPlugin.bot_id == bot.id).values(enabled=on))
        announce(platform.redis, Topic.BOT, bot.id)

    switch(False)
    return lambda: switch(True)


@pytest.mark.parametrize("away", [_stopped, _in_maintenance, _without_plugin])
def test_the_timer_of_a_bot_that_is_not_served_waits_and_comes_late(
    platform: Platform, bot: Bot, away: Callable[[Platform, Bot], Callable[[], None]]
) -> None:
    set_timer(platform, bot)
    back = away(platform, bot)
    assert (ring_due(platform), later(platform, timedelta(days=3)), wake_for_timers(platform)) == (
        0,
        0,
        False,
    )
    back()
    assert ring_due(platform) == 0
    look_again(platform, bot.id)  # as the job does that follows on every change of a bot
    assert ring_due(platform) == 1
    handle_all(platform)
    assert replies(platform, bot)[1:] == [("5", "Ana /in 0 1")]


def test_what_nobody_serves_is_looked_at_more_and_more_seldom(platform: Platform, bot: Bot) -> None:
    set_timer(platform, bot)
    _stopped(platform, bot)
    now = utc_now()
    waits = []
    for late in (timedelta(seconds=1), timedelta(minutes=30), timedelta(hours=5), timedelta(days=9)):
        with platform.database.transaction() as session:
            session.execute(update(Timer).values(due_at=now - late, ring_at=now))
        assert ring_due(platform, clock=lambda: now) == 0
        with platform.database.reading() as session:
            waits.append((session.scalars(select(Timer.ring_at)).one() - now).total_seconds())
    assert waits == [60, 600, 3600, 6 * 3600]
    look_again(platform, bot.id)
    assert later(platform, timedelta(hours=1)) == 0


@pytest.mark.data
def test_what_reaches_no_lane_was_not_rung_for_and_is_tried_each_minute(platform: Platform, bot: Bot) -> None:
    set_timer(platform, bot)
    full = replace(platform, settings=platform.settings.model_copy(update={"intake_max_backlog": 0}))
    for _ in range(4):
        assert ring_due(full) == 0
        with platform.database.transaction() as session:
            [timer] = session.scalars(select(Timer))
            assert (timer.rings, timer.ring_at < utc_now() + 2 * AGAIN) == (0, True)
            timer.ring_at = utc_now()
    assert ring_due(platform) == 1
    handle_all(platform)
    assert replies(platform, bot)[1:] == [("5", "Ana /in 0 1")]


@pytest.mark.parametrize("away", [_stopped, _in_maintenance])
def test_a_bot_that_is_stopped_after_it_was_rung_for_keeps_the_timer(
    platform: Platform, bot: Bot, away: Callable[[Platform, Bot], Callable[[], None]]
) -> None:
    set_timer(platform, bot)
    assert ring_due(platform) == 1
    back = away(platform, bot)
    handle_all(platform)
    assert (in_lanes(platform), waiting(platform), len(replies(platform, bot))) == (0, 1, 1)
    back()
    assert later(platform) == 1
    handle_all(platform)
    assert replies(platform, bot)[1:] == [("5", "Ana /in 0 1")]


def test_nothing_is_said_to_whom_the_owner_has_blocked(platform: Platform, bot: Bot) -> None:
    set_timer(platform, bot)
    with platform.database.transaction() as session:
        session.add(BotAccess(bot_id=bot.id, list="blocked", telegram_id=5))
    announce(platform.redis, Topic.BOT, bot.id)
    assert ring_due(platform) == 1
    handle_all(platform)
    assert (waiting(platform), len(replies(platform, bot))) == (0, 1)


def test_a_block_that_ends_keeps_the_timer_until_then(platform: Platform, bot: Bot) -> None:
    set_timer(platform, bot)
    with platform.database.transaction() as session:
        until = utc_now() + timedelta(hours=1)
        session.add(BotAccess(bot_id=bot.id, list="blocked", telegram_id=5, until=until))
    announce(platform.redis, Topic.BOT, bot.id)
    assert ring_due(platform) == 1
    handle_all(platform)
    assert (waiting(platform), len(replies(platform, bot))) == (1, 1)
    with platform.database.transaction() as session:
        session.execute(update(BotAccess).values(until=utc_now() - timedelta(seconds=1)))
    announce(platform.redis, Topic.BOT, bot.id)
    assert later(platform) == 1
    handle_all(platform)
    assert (waiting(platform), replies(platform, bot)[1:]) == (0, [("5", "Ana /in 0 1")])


def test_a_deleted_bots_timers_are_gone_and_others_are_not(platform: Platform, bot: Bot) -> None:
    other = add_bot(
        platform, {"id": 7002, "username": "other_bot", "token": "7002:" + "A" * 35}, (("timing", {}),)
    )
    for each in (bot, other):
        set_timer(platform, each)
    with platform.database.transaction() as session:
        session.delete(session.get_one(Bot, bot.id))
    assert (waiting(platform), ring_due(platform)) == (1, 1)


def test_a_handler_that_fails_is_tried_again_and_the_timer_ends_as_one_dead_letter(
    platform: Platform, bot: Bot
) -> None:
    set_timer(platform, bot, text="/fail")
    assert ring_due(platform) == 1
    handle_all(platform)
    [letter] = letters(platform)
    assert (letter.attempts, waiting(platform), later(platform, timedelta(days=1))) == (4, 0, 0)
    assert isinstance(letter, DeadLetter)


@pytest.mark.parametrize(
    "point", ["timers.before_append", "drain.before_commit"], ids=["between database and lane", "handled"]
)
def test_a_worker_that_dies_on_the_way_says_it_once(
    platform: Platform, settings: Settings, sandbox: Sandbox, point: str
) -> None:
    bot = add_bot(platform, sandbox.create_bot(strict=False), (("timing", {}),))
    user = int(sandbox.create_user()["id"])
    sandbox.start(user, bot.username)
    accept_all(platform, bot, [message(1, user, "/in 0", **NAMES)])
    handle_all(platform)
    platform.redis.delete(keys.outbox(bot.id, "reply"))
    assert wake_for_timers(platform)
    with reconciling(platform), worker_process(settings, WORKER, CRASH_AT=point) as worker:
        assert worker.process.wait(60) == -signal.SIGKILL
    with platform.database.transaction() as session:  # a minute passes
        session.execute(update(Timer).values(ring_at=utc_now()))

    def sent() -> list[str]:
        return [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]

    with reconciling(platform), worker_process(settings, WORKER):
        wake_for_timers(platform)
        wait_until(sent, seconds=60)
    assert sent() == ["Ana /in 0 1"]
    assert BotDatabase(platform.database, bot.id, "timing").get("said") == 1
    assert waiting(platform) == 0
