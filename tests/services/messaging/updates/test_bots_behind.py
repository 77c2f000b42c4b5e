"""A bot whose handlers do not keep up has its part of a lane's memory, and no more: others in the lane go on."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from models import Bot
from services.core.errors import Unavailable
from services.messaging.replay import requeuer
from services.messaging.timers import ringing
from services.messaging.updates import lane_consumer
from services.messaging.updates.bots_behind import IN_MEMORY, ROOM_AT
from services.messaging.updates.crash_tracker import HELD, IN_BATCH
from services.messaging.updates.intake import Intake
from services.messaging.updates.lane_reader import BEHIND_SECONDS, READ_AT_ONCE, REFUSED_SECONDS, LaneReader
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.timings import UpdateTimings
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.lanes import lane_of
from services.queueing.process_pace import ProcessPace
from services.queueing.shared_reads import SharedReads
from tests.services.messaging.draining import QUICK, consumers, handle_all
from tests.services.messaging.updates.suspects import tracker
from tools.servers.fleet import accept_all, add_bot, message, stream
from tools.servers.sandbox import wait_until

LANE = 3
MANY = IN_MEMORY + 5 * READ_AT_ONCE  # updates of a bot in a lane, more than its part and what comes with it


class Memory:
    """What was read of a lane and is not done, as its pool has it."""

    def __init__(self, platform: Platform, read_timeout: float = 0.05) -> None:
        reads = SharedReads(platform.blocking_redis, ProcessPace(0.001), count=READ_AT_ONCE)
        crashes = tracker(platform, "token", LANE)
        timings = UpdateTimings(read_timeout=read_timeout)
        self.reader = LaneReader(platform, LANE, crashes, timings, reads, self.size_of)
        self.read_of: defaultdict[int, list[str]] = defaultdict(list)  # bot -> what its updates say
        self.done: Counter[int] = Counter()

    def size_of(self, bot_id: int) -> int:
        return len(self.read_of[bot_id]) - self.done[bot_id]

    def read(self, times: int = 15) -> None:
        """Some readings, more than would bring all there is."""
        for _ in range(times):
            for each in self.reader.read() or []:
                self.read_of[each.bot_id].append(each.update)

    def finish(self, bot_id: int, most: int) -> None:
        """The first of what a bot has in memory is done."""
        self.done[bot_id] += min(most, self.size_of(bot_id))


def enter(platform: Platform, bot_id: int, first: int, number: int) -> list[str]:
    """Have updates of a bot in the lane; what they say."""
    said = [f"{bot_id}: {each}" for each in range(first, first + number)]
    with platform.redis.pipeline() as pipe:
        for each in said:
            pipe.xadd(keys.update_lane(LANE), {"bot": str(bot_id), "chat": "1", "update": each})
        pipe.execute()
    return said


def test_what_is_beyond_the_part_of_a_bot_is_read_in_order_and_once_as_room_comes(platform: Platform) -> None:
    memory = Memory(platform)
    said = enter(platform, 7, 0, MANY)
    others = enter(platform, 8, 0, 3)
    memory.read()
    assert IN_MEMORY <= memory.size_of(7) < IN_MEMORY + READ_AT_ONCE
    assert memory.read_of[8] == others, "they stand behind what is not read yet"
    said += enter(platform, 7, MANY, 5)
    while memory.size_of(7):
        memory.read(3)
        assert memory.size_of(7) < IN_MEMORY + READ_AT_ONCE
        memory.finish(7, 100)
    assert memory.read_of[7] == said
    said += enter(platform, 7, MANY + 5, 5)
    memory.read(1)
    assert memory.read_of[7] == said, "it is behind no more"


def test_more_is_read_as_soon_as_there_is_room_although_nothing_new_comes(platform: Platform) -> None:
    memory = Memory(platform, read_timeout=10.0)
    enter(platform, 7, 0, MANY)
    memory.read()
    memory.finish(7, memory.size_of(7) - ROOM_AT)
    began = time.monotonic()
    memory.read(2)
    assert memory.size_of(7) > ROOM_AT
    assert time.monotonic() - began < 5.0


def test_several_bots_behind_take_turns(platform: Platform) -> None:
    memory = Memory(platform)
    said = {bot: enter(platform, bot, 0, MANY) for bot in (7, 8)}
    memory.read(20)
    for bot in said:
        memory.finish(bot, MANY)
    memory.read(4)  # new ones, a page of one bot, new ones, a page of the other
    assert [memory.size_of(bot) for bot in said] == [READ_AT_ONCE] * 2
    memory.read(20)
    for _ in range(3):
        for bot in said:
            memory.finish(bot, MANY)
        memory.read(20)
    assert memory.read_of == said


def test_what_is_read_again_from_the_beginning_leaves_nothing_behind(platform: Platform) -> None:
    memory = Memory(platform)
    said = enter(platform, 7, 0, MANY)
    memory.read()
    memory.read_of.clear()
    memory.reader.read_again()
    memory.read()
    assert memory.read_of[7] == said[: memory.size_of(7)]


@contextmanager
def standing_still(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, lane: int, *bots: Bot
) -> Iterator[list[int]]:
    """A lane at work, whose handlers for these bots wait for the end of the block; the bots whose updates were handled."""
    standing = {bot.id for bot in bots}
    going, handled = threading.Event(), list[int]()

    def handle(_: UpdateProcessor, waiting: QueuedUpdate) -> HandlerResult:
        assert waiting.bot_id not in standing or going.wait(60)
        handled.append(waiting.bot_id)
        return EMPTY_RESULT

    monkeypatch.setattr(UpdateProcessor, "judge", lambda *_: None)
    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    drain = threading.Thread(
        target=consumers(platform, replace(QUICK, look_behind=0.2)).consume, args=(lane,)
    )
    drain.start()
    try:
        yield handled
    finally:
        going.set()
        drain.join(60)
    assert not drain.is_alive()


@pytest.fixture
def bots(platform: Platform) -> tuple[Bot, Bot]:
    """Two, of which the first will be behind."""
    slow, other = (
        add_bot(platform, {"id": number, "username": f"bot_{number}", "token": f"{number}:" + "A" * 35})
        for number in (7001, 7002)
    )
    return slow, other


def chat_in(platform: Platform, bot: Bot, lane: int) -> int:
    lanes = platform.settings.update_lanes
    return next(chat for chat in range(1, 8000) if lane_of(bot.id, str(chat), lanes) == lane)


def test_a_busy_chat_with_a_slow_handler_holds_up_no_other_bot(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, bots: tuple[Bot, Bot]
) -> None:
    slow, other = bots
    monkeypatch.setattr(lane_consumer, "READ_AHEAD", MANY - 1)  # in the lane, of all bots
    busy, quiet = chat_in(platform, slow, LANE), chat_in(platform, other, LANE)
    accept_all(platform, slow, [message(number, busy, "x") for number in range(1, MANY + 1)])
    accept_all(platform, other, [message(number, quiet, "x") for number in range(1, 4)])
    with standing_still(platform, monkeypatch, LANE, slow) as handled:
        wait_until(lambda: handled == [other.id] * 3)
        time.sleep(3 * BEHIND_SECONDS)  # looks how full it is
        assert not platform.redis.exists(keys.far_behind(slow.id, LANE)), "the lane is not half full"
    assert Counter(handled) == {other.id: 3, slow.id: MANY}


def test_a_lane_half_full_of_a_bots_updates_refuses_more_of_this_bot_there_alone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, bots: tuple[Bot, Bot]
) -> None:
    slow, other = bots
    small = Platform(platform.settings.model_copy(update={"intake_max_backlog": 2 * MANY}))
    busy, quiet = chat_in(small, slow, LANE), chat_in(small, other, LANE)
    accept_all(small, slow, [message(number, busy, "x") for number in range(1, MANY + 1)])
    with standing_still(small, monkeypatch, LANE, slow) as handled:
        wait_until(lambda: small.redis.exists(keys.far_behind(slow.id, LANE)))
        assert 0 < small.redis.ttl(keys.far_behind(slow.id, LANE)) <= REFUSED_SECONDS
        with pytest.raises(Unavailable) as refused:
            Intake(small).accept(slow.id, message(MANY + 1, busy, "x"))
        Intake(small).accept(other.id, message(1, quiet, "x"))
        Intake(small).accept(slow.id, message(MANY + 2, chat_in(small, slow, LANE + 1), "x"))
        wait_until(lambda: handled == [other.id])
    assert (refused.value.code, bool(refused.value.retry_after)) == ("backlog_full", True)
    small.redis.delete(keys.far_behind(slow.id, LANE))  # as after a quarter of a minute
    Intake(small).accept(slow.id, message(MANY + 1, busy, "x"))


def test_it_refuses_them_for_as_long_as_they_are_behind_also_while_it_reads_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, bots: tuple[Bot, Bot]
) -> None:
    slow, other = bots
    monkeypatch.setattr(
        lane_consumer, "READ_AHEAD", IN_MEMORY + READ_AT_ONCE // 2
    )  # is reached with the other's
    small = Platform(platform.settings.model_copy(update={"intake_max_backlog": 2 * MANY}))
    for bot, number in ((slow, MANY), (other, READ_AT_ONCE)):
        chat = chat_in(small, bot, LANE)
        accept_all(small, bot, [message(number, chat, "x") for number in range(1, number + 1)])
    with standing_still(small, monkeypatch, LANE, slow, other) as handled:
        for _ in range(3):
            wait_until(lambda: small.redis.exists(keys.far_behind(slow.id, LANE)))
            small.redis.delete(keys.far_behind(slow.id, LANE))
        assert not small.redis.exists(keys.far_behind(other.id, LANE))
    assert Counter(handled) == {slow.id: MANY, other.id: READ_AT_ONCE}


def test_what_stood_in_the_lane_of_a_dead_holder_is_handled_in_order_and_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, bots: tuple[Bot, Bot]
) -> None:
    slow, _ = bots
    busy = chat_in(platform, slow, LANE)
    accept_all(platform, slow, [message(number, busy, "x") for number in range(1, MANY + 1)])
    last = stream(platform, keys.update_lane(LANE))[-1][0]
    platform.redis.hset(keys.update_suspects(LANE), mapping={HELD: "somebody:1", last: IN_BATCH})
    handled: list[tuple[str, bool, int]] = []

    def handle(_: UpdateProcessor, waiting: QueuedUpdate) -> HandlerResult:
        handled.append((waiting.update, waiting.suspected, waiting.marks))
        return EMPTY_RESULT

    monkeypatch.setattr(UpdateProcessor, "judge", lambda *_: None)
    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    handle_all(platform)
    assert [json.loads(update)["update_id"] for update, *_ in handled] == list(range(1, MANY + 1))
    assert all(suspected for _, suspected, _ in handled)
    assert [marks for *_, marks in handled] == [0] * (MANY - 1) + [IN_BATCH], "it is read late"
    assert platform.redis.hkeys(keys.update_suspects(LANE)) == []


def test_of_a_bot_behind_neither_timers_nor_replays_enter(platform: Platform, bots: tuple[Bot, Bot]) -> None:
    slow, _ = bots
    chats = {bot.id: chat_in(platform, bot, LANE) for bot in bots}
    platform.redis.set(keys.far_behind(slow.id, LANE), "1")
    names = [
        name
        for bot in bots
        for name in (
            keys.update_lane(LANE),
            keys.lease("lane:3"),
            keys.wakeup("lane", 3),
            keys.far_behind(bot.id, LANE),
        )
    ]
    values = [value for bot in bots for value in (bot.id, chats[bot.id], "request", "{}")]
    assert ringing.APPEND(platform.redis, names, [100, 2, *values]) == [-1, 1]
    entered = [
        requeuer.INTO_LANE(
            platform.redis,
            [keys.replayed(bot.id, 1), *names[4 * place : 4 * place + 4]],
            [60, 2, 100, bot.id, chats[bot.id], "request", "{}"],
        )
        for place, bot in enumerate(bots)
    ]
    assert entered[0] is None
    assert entered[1] is not None
