"""Who is held to have killed a process: only what was alone on record when it died, twice and in a trial once more."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from typing import cast

import pytest
from redis import RedisError
from redis.client import Pipeline

from models import Bot
from services.messaging.updates.crash_tracker import (
    ACCUSED,
    ALONE,
    IN_BATCH,
    POISON,
    CrashTracker,
    SharedQuarantine,
)
from services.messaging.updates.effects import Committer
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.trials import Trials
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.process_identity import process_identity
from services.queueing.greenlet_pool import GreenletPool
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import QUICK, consumers, handle_all, letters, replies
from tests.services.messaging.updates import plugins_for_tests
from tools.servers.fleet import accept_all, message, stream, working
from tools.servers.sandbox import wait_until


def test_a_mark_that_redis_would_not_take_back_counts_for_nothing_while_its_process_lives(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.redis.hset(keys.update_suspects(0), "held", "the dead")
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    waiting = QueuedUpdate("1-1", 1, "1", "request", "{}")
    shared = SharedQuarantine()
    first = CrashTracker(platform.redis, 0, shared)
    first.begin("token")

    def away(*_: object) -> None:
        raise RedisError("away")

    with pytest.raises(RedisError), first.on_record(waiting):
        monkeypatch.setattr(first, "record", away)
    other_process, same_process = (
        CrashTracker(platform.redis, 0, each) for each in (SharedQuarantine(), shared)
    )
    other_process.begin("token")
    assert other_process.marks == {"1-1": ALONE}, "it may have died of it"
    same_process.begin("token")
    assert same_process.marks == {"1-1": 0}
    assert platform.redis.hget(keys.update_suspects(0), "1-1") == "0"


def test_a_mark_that_two_stays_of_a_process_take_back_at_once_is_taken_back_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.redis.hset(keys.update_suspects(0), "held", "the dead")
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    shared = SharedQuarantine()
    leaving, coming = (CrashTracker(platform.redis, 0, shared) for _ in range(2))
    leaving.begin("token")
    stay = leaving.on_record(QueuedUpdate("1-1", 1, "1", "request", "{}"))
    stay.__enter__()
    record = CrashTracker.record

    def meanwhile(tracker: CrashTracker, entries: list[str], marks: int) -> None:
        monkeypatch.setattr(CrashTracker, "record", record)
        stay.__exit__(None, None, None)  # the other one leaves while this one waits for Redis
        tracker.record(entries, marks)

    monkeypatch.setattr(CrashTracker, "record", meanwhile)
    coming.begin("token")
    assert coming.marks == {"1-1": 0}
    assert platform.redis.hget(keys.update_suspects(0), "1-1") == "0"


def test_what_a_process_died_of_once_runs_alone_however_long_the_recovery_takes(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    accept_all(platform, bot, [message(1, 1, "known"), message(2, 1, "unknown")])
    name = keys.update_suspects(lane)
    [known, unknown] = [entry for entry, _ in stream(platform, keys.update_lane(lane))]
    platform.redis.hset(name, mapping={"held": "the dead", known: ALONE})
    on_record: dict[str, object] = {}

    def handle(_: UpdateProcessor, waiting: QueuedUpdate) -> HandlerResult:
        on_record[waiting.entry_id] = platform.redis.hget(name, waiting.entry_id)
        return EMPTY_RESULT

    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    consumers(platform, replace(QUICK, isolation=0.0)).consume(lane)
    assert on_record == {known: str(2 * ALONE), unknown: None}


def test_a_stay_that_could_not_begin_does_not_hide_that_the_last_holder_died(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    accept_all(platform, bot, [message(1, 1, "suspect")])
    platform.redis.hset(keys.update_suspects(lane), "held", "the dead")

    def away(*_: object) -> None:
        raise RedisError("away")

    monkeypatch.setattr(CrashTracker, "begin", away)
    consumers(platform).consume(lane)
    assert platform.redis.hget(keys.update_suspects(lane), "held") == "the dead"
    assert not platform.redis.exists(keys.lease(f"lane:{lane}"))


def test_a_stay_that_did_not_hear_what_it_replaced_does_not_hide_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.redis.hset(keys.update_suspects(0), "held", "the dead")
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    shared, tokens = SharedQuarantine(), [f"{process_identity()}:{stay}" for stay in range(4)]
    execute = Pipeline.execute

    def answered_to_nobody(pipe: Pipeline) -> None:
        execute(pipe)
        raise RedisError("away")

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "execute", answered_to_nobody)
        for token in tokens[:2]:
            with pytest.raises(RedisError):
                CrashTracker(platform.redis, 0, shared).begin(token)
    assert platform.redis.hget(keys.update_suspects(0), "held") == tokens[1]
    suspected = []
    for token in tokens[2:]:
        tracker = CrashTracker(platform.redis, 0, shared)
        tracker.begin(token)
        suspected.append(tracker.includes("1-1"))
    assert suspected == [True, not process_identity()], "of what it was told it has only lost its lease"


def test_what_was_not_written_because_the_lane_was_lost_has_not_proved_its_innocence(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mark is void, for nobody died of it; one that is forgotten would look like a death."""
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    accept_all(platform, bot, [message(1, 1, "suspect")])
    [(entry, _)] = stream(platform, keys.update_lane(lane))
    platform.redis.hset(keys.update_suspects(lane), "held", "the dead")
    monkeypatch.setattr(
        Committer, "commit", lambda *_: None
    )  # what it says when the lease is somebody else's
    consumers(platform).consume(lane)
    assert platform.redis.hget(keys.update_suspects(lane), entry) == "0"


def accuse(platform: Platform, bot: Bot, *texts: str, marks: int = ACCUSED) -> list[str]:
    """Updates of one chat in their lane, of which the first is known to have been on record when two processes died."""
    accept_all(platform, bot, [message(n, 1, text) for n, text in enumerate(texts, start=1)])
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    entries = [entry for entry, _ in stream(platform, keys.update_lane(lane))]
    platform.redis.hset(keys.update_suspects(lane), mapping={"held": "the dead", entries[0]: marks})
    return entries


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
        assert platform.redis.hget(keys.update_suspects(lane), entry) == str(ACCUSED)
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
            mark = platform.redis.hget(keys.update_suspects(lane), accused)
            beside.append([str(mark), *running])
            accept_all(platform, bot, [message(100 + n, chat, "beside") for n, chat in enumerate(others)])
            time.sleep(0.3)
            beside.append(list(running))
        running.remove(waiting.entry_id)
        return EMPTY_RESULT

    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    with working(platform, replace(QUICK, trial_calm=0.1)):
        wait_until(lambda: len(beside) == 2)
        wait_until(lambda: not any(platform.redis.xlen(keys.update_lane(n)) for n in range(8)))
    assert beside == [[str(POISON), accused], [accused]]
    assert not platform.redis.hexists(keys.update_suspects(lane), accused)


def test_a_slow_handler_on_trial_holds_up_nobody_for_long(platform: Platform, bot: Bot) -> None:
    accuse(platform, bot, "sleep 3")
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    other = next(chat for chat in range(2, 60) if lane_of(bot.id, str(chat), 8) != lane)
    with working(platform, replace(QUICK, trial_calm=0.1)):
        wait_until(lambda: plugins_for_tests.calls)
        accept_all(platform, bot, [message(2, other, "quick")])
        wait_until(lambda: replies(platform, bot) == [(str(other), "quick")], seconds=2)
        wait_until(lambda: len(replies(platform, bot)) == 2)


def test_entries_of_two_lanes_with_one_id_keep_their_marks_apart(platform: Platform) -> None:
    """What comes in the same millisecond has the same id in each lane."""
    shared, queued = SharedQuarantine(), QueuedUpdate("1-1", 1, "1", "request", "{}")
    slow, other = (CrashTracker(platform.redis, lane, shared) for lane in (0, 1))
    with slow.on_record(queued):
        with other.on_record(queued):
            pass
        assert platform.redis.hget(keys.update_suspects(0), "1-1") == str(ALONE)
    assert [platform.redis.hget(keys.update_suspects(lane), "1-1") for lane in (0, 1)] == ["0", "0"]


class Busy:
    """A lane in which one handler does not end, and the trial's own."""

    running = 2

    def wake(self) -> None: ...


@pytest.mark.parametrize(
    ("marked", "lasts", "beside", "before", "after"),
    [
        (ACCUSED, 0.0, False, POISON, POISON),
        (ACCUSED, 0.8, False, POISON, POISON - 1),
        (ACCUSED, 0.0, True, POISON - 1, POISON - 1),
        (ACCUSED + IN_BATCH, 0.8, False, POISON + 1, POISON + 1),
    ],
    ids=["alone", "longer than its moment", "beside what does not end", "once more"],
)
def test_a_death_that_others_may_have_caused_counts_half(
    platform: Platform, marked: int, lasts: float, beside: bool, before: int, after: int
) -> None:
    """The next trial has a longer moment: who is not that slow proves to be innocent in it."""
    queued, shared = QueuedUpdate("1-1", 1, "1", "request", "{}", marks=marked), SharedQuarantine()
    crashes = CrashTracker(platform.redis, 0, shared)

    def marks() -> int:
        return int(str(platform.redis.hget(keys.update_suspects(0), "1-1")))

    crashes.record(["1-1"], marked)
    lane = cast(GreenletPool[QueuedUpdate], Busy())
    with shared.includes(lane) if beside else nullcontext(), Trials(crashes, shared, QUICK).held(queued):
        assert (marks(), shared.is_open) == (before, False)
        time.sleep(lasts)
        assert (marks(), shared.is_open) == (after, after < before)
    assert (marks(), shared.is_open, shared.void_marks) == (marked, True, {})


def test_a_handler_that_fails_in_its_trial_has_not_ended_its_process(platform: Platform, bot: Bot) -> None:
    [entry, _] = accuse(platform, bot, "fail", "next")
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    with working(platform, replace(QUICK, trial_calm=0.1, retry_delays=(30.0,))):
        wait_until(lambda: platform.redis.hlen(keys.update_attempts(lane)))
        wait_until(lambda: platform.redis.hget(keys.update_suspects(lane), entry) == str(ACCUSED))


def test_a_handler_that_takes_its_time_to_end_its_process_does_not_do_so_for_ever(
    platform: Platform, bot: Bot
) -> None:
    """It outlives the moment in which suspects run alone, in each life: so something has to remain on record."""
    [entry] = accuse(platform, bot, "sleep 3", marks=0)
    name = keys.update_suspects(lane_of(bot.id, "1", platform.settings.update_lanes))
    with working(platform, QUICK):
        wait_until(lambda: platform.redis.hget(name, entry) == str(ALONE))
        wait_until(lambda: platform.redis.hget(name, entry) == str(IN_BATCH))
        wait_until(lambda: replies(platform, bot) == [("1", "sleep 3")])
        wait_until(lambda: not platform.redis.hexists(name, entry))


def test_a_holder_that_lost_its_lease_in_a_process_that_lives_makes_no_suspects(platform: Platform) -> None:
    """As when Redis was away: its lanes would crawl for seconds on top of the outage."""
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    suspected = []
    for former in (f"{process_identity()}:former", "0badcafe0bad.17.4711:former", ":former"):
        platform.redis.hset(keys.update_suspects(0), "held", former)
        tracker = CrashTracker(platform.redis, 0, SharedQuarantine())
        tracker.begin(f"{process_identity()}:present")
        suspected.append(tracker.includes("1-1"))
    assert suspected == [not process_identity(), True, True]
