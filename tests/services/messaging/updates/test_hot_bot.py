"""A bot with a backlog beside others: who is handled, how far ahead it is judged, when it pauses."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest

from services.messaging.updates.lane_reader import READ_AT_ONCE
from services.messaging.updates.lane_worker import BACKLOG
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.queueing.bot_throttle import (
    INTERVAL_SECONDS,
    LATELY_SECONDS,
    PAUSE_SECONDS,
    BacklogGate,
    BotThrottle,
)
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import consumers
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import wait_until

HOT = 500  # updates in one lane: more than one reading, no more than a bot may have in memory


def test_a_backlog_is_judged_late_and_holds_up_no_other_bot(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, other = (
        add_bot(platform, {"id": number, "username": f"bot_{number}", "token": f"{number}:" + "A" * 35})
        for number in (7001, 7002)
    )
    going = threading.Event()
    judged: list[int] = []
    handled: list[int] = []

    def handle(_: UpdateProcessor, waiting: QueuedUpdate) -> HandlerResult:
        assert waiting.bot_id != bot.id or going.wait(60)
        handled.append(waiting.bot_id)
        return EMPTY_RESULT

    monkeypatch.setattr(
        UpdateProcessor, "judge", lambda _, batch: judged.extend(each.bot_id for each in batch)
    )
    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    lane = lane_of(other.id, "1", platform.settings.update_lanes)
    lanes = platform.settings.update_lanes
    chats = [chat for chat in range(1, 8000) if lane_of(bot.id, str(chat), lanes) == lane][:HOT]
    accept_all(platform, bot, [message(number, chat, "x") for number, chat in enumerate(chats, start=1)])
    accept_all(platform, other, [message(number, 1, "x") for number in range(3)])
    drain = threading.Thread(target=consumers(platform).consume, args=(lane,))
    drain.start()
    wait_until(lambda: handled == [other.id] * 3)
    going.set()
    drain.join(60)
    assert handled == [other.id] * 3 + [bot.id] * HOT
    assert 0 < judged.count(bot.id) <= BACKLOG + READ_AT_ONCE


def test_beside_other_bots_a_backlog_begins_in_single_file_of_its_bot_over_all_lanes() -> None:
    throttle = BotThrottle()
    lanes = [BacklogGate[QueuedUpdate](throttle, is_of_hot_bot) for _ in range(2)]
    now = 100.0
    begun: list[float] = []
    while len(begun) < 20:
        assert lanes[0](queued(OTHER), now) is None
        for lane in lanes:
            wait = lane(queued(HOT_BOT), now)
            if wait is None:
                begun.append(now)
            else:
                assert wait.whole_bot
                assert now < wait.until <= now + 2 * INTERVAL_SECONDS + PAUSE_SECONDS
        now += 0.0001
    gaps = [after - before for before, after in pairwise(begun)]
    assert min(gaps) > INTERVAL_SECONDS - 0.0002
    assert begun[-1] - begun[0] == pytest.approx(19 * INTERVAL_SECONDS, rel=0.1)


def test_where_no_other_bot_was_served_lately_a_backlog_waits_for_nothing() -> None:
    throttle = BotThrottle()
    gate = BacklogGate[QueuedUpdate](throttle, is_of_hot_bot)
    assert [gate(queued(HOT_BOT), 100.0) for _ in range(50)] == [None] * 50
    assert gate(queued(OTHER), 100.0) is None
    first = gate(queued(HOT_BOT), 100.0)
    assert first is not None
    assert gate(queued(HOT_BOT), first.until) is None
    assert gate(queued(HOT_BOT), first.until) is not None
    later = 100.0 + LATELY_SECONDS + 0.001
    assert [gate(queued(HOT_BOT), later) for _ in range(50)] == [None] * 50


def test_what_a_bot_has_besides_its_backlog_does_not_make_it_wait() -> None:
    throttle = BotThrottle()
    gate = BacklogGate[QueuedUpdate](throttle, lambda each: is_of_hot_bot(each) and each.rank > 0)
    assert gate(queued(HOT_BOT, rank=0), 100.0) is None
    assert gate(queued(HOT_BOT), 100.0) is None
    assert gate(queued(OTHER), 100.1) is None
    assert gate(queued(HOT_BOT, rank=0), 100.2) is None, "a tap passes"
    assert gate(queued(HOT_BOT), 100.2) is not None, "the other one was served before the tap"


def test_several_backlogs_alone_do_not_wait_for_each_other() -> None:
    gate = BacklogGate[QueuedUpdate](BotThrottle(), lambda _: True)
    assert [gate(queued(bot), 100.0) for bot in (1, 2, 3) * 20] == [None] * 60


HOT_BOT, OTHER = 1, 2


def queued(bot_id: int, rank: int = 1) -> QueuedUpdate:
    return QueuedUpdate("1-1", bot_id, "5", "request", "{}", rank=rank)


def is_of_hot_bot(each: QueuedUpdate) -> bool:
    return each.bot_id == HOT_BOT
