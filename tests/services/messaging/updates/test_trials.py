"""An update that two processes died of: its trial, and what a death in it counts."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import cast

import pytest

from models import Bot
from services.core.errors import Unavailable
from services.messaging.updates.crash_tracker import (
    ACCUSED,
    ALONE,
    IN_BATCH,
    POISON,
    CrashTracker,
    suspects_among,
)
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.shared_quarantine import SharedQuarantine
from services.messaging.updates.trials import Trials
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.greenlet_pool import GreenletPool
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import QUICK, handle_all, letters, replies
from tests.services.messaging.updates import plugins_for_tests
from tests.services.messaging.updates.suspects import Holder, accuse, fields, noted, tracker
from tools.servers.fleet import accept_all, message, working
from tools.servers.sandbox import wait_until


def test_what_two_processes_died_of_runs_once_more_and_then_its_chat_goes_on(
    platform: Platform, bot: Bot
) -> None:
    accuse(platform, bot, "innocent", "next")
    handle_all(platform, timings=replace(QUICK, trial_calm=0.2))
    assert replies(platform, bot) == [("1", "innocent"), ("1", "next")]
    assert letters(platform) == []


def test_what_a_process_died_of_in_its_trial_too_is_given_up_unread(platform: Platform, bot: Bot) -> None:
    accuse(platform, bot, "guilty", "next", marks=POISON)
    handle_all(platform, timings=replace(QUICK, trial_calm=0.2))
    assert replies(platform, bot)[-1] == ("1", "next")
    [letter] = letters(platform)
    assert '"guilty"' in str(letter.payload["update"])


def test_a_trial_waits_until_its_process_has_lived_for_a_while(platform: Platform, bot: Bot) -> None:
    """So that whoever kills workers as soon as they are up condemns nobody: the mark is not set before."""
    [entry, _] = accuse(platform, bot, "innocent", "behind it")
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    with working(platform, replace(QUICK, trial_calm=30.0)):
        wait_until(lambda: platform.redis.hget(keys.update_suspects(lane), "held") != "the dead")
        time.sleep(0.5)
        assert noted(platform, lane, entry) == []
        assert replies(platform, bot) == []


def test_nothing_else_of_its_process_runs_while_a_trial_is_held(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    [accused, _] = accuse(platform, bot, "innocent", "next")
    others = [chat for chat in range(2, 60) if lane_of(bot.id, str(chat), 8) != lane][:20]
    running: list[str] = []
    beside: list[list[str]] = []

    def handle(_: UpdateProcessor, waiting: QueuedUpdate) -> HandlerResult:
        running.append(waiting.entry_id)
        if waiting.entry_id == accused:
            beside.append([*noted(platform, lane, accused), *running])
            accept_all(platform, bot, [message(100 + n, chat, "beside") for n, chat in enumerate(others)])
            time.sleep(0.3)
            beside.append(list(running))
        running.remove(waiting.entry_id)
        return EMPTY_RESULT

    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    with working(platform, replace(QUICK, trial_calm=0.1)):
        wait_until(lambda: len(beside) == 2)
        wait_until(lambda: not any(platform.redis.xlen(keys.update_lane(n)) for n in range(8)))
    assert beside == [[str(ALONE), accused], [accused]]
    assert accused not in suspects_among(fields(platform, lane))


def test_a_slow_handler_on_trial_holds_up_nobody_for_long(platform: Platform, bot: Bot) -> None:
    accuse(platform, bot, "sleep 3")
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    other = next(chat for chat in range(2, 60) if lane_of(bot.id, str(chat), 8) != lane)
    with working(platform, replace(QUICK, trial_calm=0.1)):
        wait_until(lambda: plugins_for_tests.calls)
        accept_all(platform, bot, [message(2, other, "quick")])
        wait_until(lambda: replies(platform, bot) == [(str(other), "quick")], seconds=2)
        wait_until(lambda: len(replies(platform, bot)) == 2)


class Busy:
    """A lane in which one handler does not end, and the trial's own."""

    running = 2

    def wake(self) -> None: ...


@pytest.mark.parametrize(
    ("marked", "lasts", "beside", "before", "after"),
    [
        (ACCUSED, 0.0, False, ALONE, ALONE),
        (ACCUSED, 0.8, False, ALONE, IN_BATCH),
        (ACCUSED, 0.0, True, IN_BATCH, IN_BATCH),
        (ACCUSED + IN_BATCH, 0.8, False, ALONE, ALONE),
    ],
    ids=["alone", "longer than its moment", "beside what does not end", "once more"],
)
def test_a_death_that_others_may_have_caused_counts_half(
    platform: Platform, marked: int, lasts: float, beside: bool, before: int, after: int
) -> None:
    """The next trial has a longer moment: who is not that slow proves to be innocent in it."""
    queued, shared = QueuedUpdate("1-1", 1, "1", "request", "{}", marks=marked), SharedQuarantine()
    crashes = tracker(platform, "holder:1")
    lane = cast(GreenletPool[QueuedUpdate], Busy())
    with shared.includes(lane) if beside else nullcontext(), Trials(crashes, shared, QUICK).held(queued):
        assert (noted(platform, 0, "1-1"), shared.is_open) == ([str(before)], False)
        time.sleep(lasts)
        assert (noted(platform, 0, "1-1"), shared.is_open) == ([str(after)], after < before)
    assert (fields(platform), shared.is_open) == ({}, True)


def test_a_trial_does_not_begin_in_a_lane_that_was_lost_meanwhile(platform: Platform) -> None:
    """Who has it next may run the same update; and what is not on record proves nothing."""
    queued, shared = QueuedUpdate("1-1", 1, "1", "request", "{}", marks=ACCUSED), SharedQuarantine()
    held = Holder("holder:1")
    crashes = CrashTracker(platform.redis, 0, cast(HeldLease, held), shared.stays)
    held.alive = False
    with pytest.raises(Unavailable), Trials(crashes, shared, QUICK).held(queued):
        raise AssertionError("it does not run")
    assert (fields(platform), shared.is_open) == ({}, True)


def test_a_handler_that_fails_in_its_trial_has_not_ended_its_process(platform: Platform, bot: Bot) -> None:
    [entry, _] = accuse(platform, bot, "fail", "next")
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    with working(platform, replace(QUICK, trial_calm=0.1, retry_delays=(30.0,))):
        wait_until(lambda: platform.redis.hlen(keys.update_attempts(lane)))
        wait_until(lambda: not noted(platform, lane, entry))
        assert fields(platform, lane)[entry] == str(ACCUSED)


def test_a_handler_that_takes_its_time_to_end_its_process_does_not_do_so_for_ever(
    platform: Platform, bot: Bot
) -> None:
    """It outlives the moment in which suspects run alone, in each life: so something has to remain on record."""
    [entry] = accuse(platform, bot, "sleep 3", marks=0)
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    with working(platform, QUICK):
        wait_until(lambda: noted(platform, lane, entry) == [str(ALONE)])
        wait_until(lambda: noted(platform, lane, entry) == [str(IN_BATCH)])
        wait_until(lambda: replies(platform, bot) == [("1", "sleep 3")])
        wait_until(lambda: not noted(platform, lane, entry))
