"""A bot with a backlog beside others: who is handled, how far ahead it is judged, when it pauses."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from services.messaging.updates.lane_reader import READ_AT_ONCE
from services.messaging.updates.lane_worker import BACKLOG
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.queueing import bot_throttle as turnstile_module
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import consumers
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import wait_until

HOT = 600  # updates in one lane, more than one reading


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


def test_a_backlog_begins_in_single_file_of_its_bot_with_a_pause_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    pauses: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=pauses.append)
    monkeypatch.setattr(turnstile_module, "time", clock)
    throttle = turnstile_module.BotThrottle()
    step, pause = turnstile_module.INTERVAL_SECONDS, turnstile_module.PAUSE_SECONDS
    for bot_id in (1, 1, 1, 2):
        throttle.wait(bot_id)
    assert pauses == pytest.approx([pause, pause + step, pause + 2 * step, pause])
    now[0] = 1.0
    throttle.wait(1)
    assert pauses[-1] == pytest.approx(pause), "nothing less lets the loop look for what came in"
