"""Who is held to have killed a process: only what was alone on record when it died, twice and in a trial once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from redis import Redis, RedisError
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError

from models import Bot
from services.messaging.updates.crash_tracker import (
    ACCUSED,
    ALONE,
    FEW,
    IN_BATCH,
    POISON,
    CrashTracker,
    suspects_among,
)
from services.messaging.updates.effects import Committer, Settled
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.lease_renewer import HeldLease
from services.platform.redis.process_identity import process_identity
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import QUICK, consumers, handle_all
from tests.services.messaging.updates.suspects import Holder, accuse, dies, fields, noted, tracker
from tools.servers.fleet import accept_all, message, stream


@pytest.fixture
def suspect(platform: Platform) -> QueuedUpdate:
    """The only update in lane 0, whose holder is dead."""
    platform.redis.hset(keys.update_suspects(0), "held", "the dead")
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    return QueuedUpdate("1-1", 1, "1", "request", "{}")


def test_of_what_runs_alone_marks_remain_when_its_process_dies_and_not_before(
    platform: Platform, suspect: QueuedUpdate
) -> None:
    holder = tracker(platform, "holder:1")
    holder.begin()
    with holder.on_record(suspect):
        assert holder.includes("1-1")
        assert holder.marks == {}
    assert dies(platform) == {}
    holder = tracker(platform, "holder:2")
    holder.begin()
    with holder.on_record(suspect):
        assert dies(platform) == {"1-1": ALONE}
    assert fields(platform) == {"suspects/1-1": "1", "1-1": str(ALONE)}, (
        "what its holder had on record is gone"
    )


def test_what_redis_would_not_note_is_noted_as_soon_as_it_does(
    platform: Platform, suspect: QueuedUpdate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else begins meanwhile: a death after it is not this one's."""
    holder = tracker(platform, "holder:1")
    holder.begin()
    lost, hdel = iter([RedisConnectionError("away")] * 3), Redis.hdel

    def sometimes_away(*arguments: Any) -> Any:
        if error := next(lost, None):
            raise error
        return hdel(*arguments)

    monkeypatch.setattr(Redis, "hdel", sometimes_away)
    with holder.on_record(suspect):
        pass
    assert next(lost, None) is None
    assert dies(platform) == {}


def test_whoever_has_lost_the_lane_waits_for_redis_no_more(
    platform: Platform, suspect: QueuedUpdate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it leaves on record was nobody's death, as whoever follows in its process knows."""
    held = Holder(f"{process_identity()}:1")
    holder = CrashTracker(platform.redis, 0, cast(HeldLease, held), {})
    holder.begin()

    def lost_meanwhile(*_: object) -> None:
        held.alive = False
        raise RedisConnectionError("away")

    with monkeypatch.context() as away:
        away.setattr(Redis, "hdel", lost_meanwhile)
        with holder.on_record(suspect):
            pass
    assert fields(platform) == {"suspects/1-1": "1", f"{held.token}/1-1": str(ALONE)}
    same_process = tracker(platform, f"{process_identity()}:2")
    same_process.begin()
    assert same_process.marks == ({} if process_identity() else {"1-1": ALONE})
    assert same_process.includes("1-1"), "of the first holder's death"


def test_what_its_process_stood_still_for_is_as_good_as_a_death(
    platform: Platform, suspect: QueuedUpdate
) -> None:
    """A handler that computes for longer than a lease stands would be run for ever: nothing of it is written."""
    if not process_identity():
        pytest.skip("no process knows itself here: all that were lost count as deaths")
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-2")
    behind = QueuedUpdate("1-2", 1, "1", "request", "{}")
    stays: dict[int, HeldLease] = {}
    found = []
    for stay in range(3):
        held = Holder(f"{process_identity()}:{stay}")
        holder = CrashTracker(platform.redis, 0, cast(HeldLease, held), stays)
        holder.begin()
        found.append(holder.marks)
        with holder.on_record(suspect):
            held.alive, held.overslept = False, stay == 1
        holder.keep(suspect)
        with holder.on_record(behind):  # it does not begin any more
            assert not noted(platform, 0, "1-2")
        holder.record(["1-2"], IN_BATCH)
    assert found == [{}, {}, {"1-1": ALONE}], "neither of what Redis was away for, nor of who only waits"


def test_an_update_that_could_not_be_noted_runs_no_more_on_record(
    platform: Platform, suspect: QueuedUpdate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer may be lost, and not what was asked for."""
    holder = tracker(platform, "holder:1")
    holder.begin()
    hset = Redis.hset

    def answered_to_nobody(*arguments: Any, **more: Any) -> None:
        hset(*arguments, **more)
        raise RedisError("away")

    with monkeypatch.context() as away:
        away.setattr(Redis, "hset", answered_to_nobody)
        with pytest.raises(RedisError), holder.on_record(suspect):
            raise AssertionError("it does not run")
    assert dies(platform) == {}


def test_a_note_that_the_client_sends_twice_counts_once(platform: Platform, suspect: QueuedUpdate) -> None:
    """As it does where a connection breaks off before the answer."""
    holder = tracker(platform, "holder:1")
    holder.begin()
    for _ in range(2):
        holder.record(["1-1"], ALONE)
    assert dies(platform) == {"1-1": ALONE}


def test_only_a_trial_takes_an_update_beyond_its_accusation(
    platform: Platform, suspect: QueuedUpdate
) -> None:
    """With a mark of a batch and two of each run alone it would begin as one whose trial has proved nothing."""
    found = []
    for life, marks in enumerate((IN_BATCH, ALONE, ALONE, ALONE)):
        holder = tracker(platform, f"holder{life}:1")
        holder.begin()
        found.append(holder.marks.get("1-1", 0))
        holder.record(["1-1"], marks)
    assert [*found, dies(platform)["1-1"]] == [0, IN_BATCH, IN_BATCH + ALONE, ACCUSED, POISON]


def test_what_stays_at_work_beside_others_counts_half_until_it_is_settled(
    platform: Platform, suspect: QueuedUpdate
) -> None:
    holder = tracker(platform, "holder:1")
    holder.begin()
    with holder.on_record(suspect):
        holder.keep(suspect)
    assert fields(platform)["holder:1/1-1"] == str(IN_BATCH)
    holder.hand_back()
    assert dies(platform) == {}, "its holder ended well"


def test_a_redis_that_is_full_is_not_waited_for(
    platform: Platform, suspect: QueuedUpdate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes what is settled and nothing else, for as long as it is full."""
    holder = tracker(platform, "holder:1")
    holder.begin()

    def full(*_: object, **__: object) -> None:
        raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'")

    with holder.on_record(suspect), monkeypatch.context() as patch:
        patch.setattr(Redis, "hset", full)
        holder.keep(suspect)
    assert noted(platform, 0, "1-1") == [str(ALONE)]


def test_settling_an_update_takes_it_off_the_record(platform: Platform, bot: Bot) -> None:
    [entry] = accuse(platform, bot, "innocent", marks=ALONE)
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    on_record: list[dict[str, str]] = []
    commit = Committer.commit

    def look(committer: Committer, batch: Sequence[Settled]) -> list[int] | None:
        on_record.append(fields(platform, lane))
        rings = commit(committer, batch)
        on_record.append(fields(platform, lane))
        return rings

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Committer, "commit", look)
        handle_all(platform)
    before, after = on_record
    assert sorted(before.values()) == ["1", str(ALONE), str(ALONE)]
    assert after == {f"suspects/{entry}": "1"}


@pytest.mark.parametrize("more", [0, FEW], ids=["few", "many"])
def test_what_a_process_died_of_once_runs_alone_however_long_the_recovery_takes(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    accept_all(platform, bot, [message(number, 1, "x") for number in range(1, 4 + more)])
    known, half, unknown, *_ = (entry for entry, _ in stream(platform, keys.update_lane(lane)))
    platform.redis.hset(
        keys.update_suspects(lane), mapping={"held": "the dead", known: ALONE, half: IN_BATCH}
    )
    on_record: dict[str, list[str]] = {}

    def handle(_: UpdateProcessor, waiting: QueuedUpdate) -> HandlerResult:
        on_record[waiting.entry_id] = noted(platform, lane, waiting.entry_id)
        return EMPTY_RESULT

    monkeypatch.setattr(UpdateProcessor, "judge", lambda *_: None)
    monkeypatch.setattr(UpdateProcessor, "handle", handle)
    consumers(platform, replace(QUICK, isolation=0.0)).consume(lane)
    assert len(on_record) == 3 + more
    assert on_record[known] == [str(ALONE)]
    assert on_record[unknown] == ([str(IN_BATCH)] if more else [])
    assert on_record[half] == []


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


@pytest.mark.parametrize("lost", [(True, True), (False, True)], ids=["what it found", "that it follows"])
def test_a_stay_that_did_not_hear_what_it_replaced_does_not_hide_it(
    platform: Platform, suspect: QueuedUpdate, monkeypatch: pytest.MonkeyPatch, lost: tuple[bool, ...]
) -> None:
    dead, execute = tracker(platform, "the dead"), Pipeline.execute
    dead.record(["1-1"], ALONE)
    for stay in range(2):
        answers = iter(lost)

        def answered_to_nobody(pipe: Pipeline, is_lost: Iterator[bool] = answers) -> Any:
            answer = execute(pipe)
            if next(is_lost, False):
                raise RedisError("away")
            return answer

        with monkeypatch.context() as patch, pytest.raises(RedisError):
            patch.setattr(Pipeline, "execute", answered_to_nobody)
            tracker(platform, f"{process_identity()}:{stay}").begin()
    next_stay = tracker(platform, f"{process_identity()}:2")
    next_stay.begin()
    assert next_stay.includes("1-1")
    assert next_stay.marks == {"1-1": ALONE}


def test_what_was_not_written_because_the_lane_was_lost_has_not_proved_its_innocence(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody died of it; what is forgotten on record would look like a death."""
    lane = lane_of(bot.id, "1", platform.settings.update_lanes)
    accept_all(platform, bot, [message(1, 1, "suspect")])
    platform.redis.hset(keys.update_suspects(lane), "held", "the dead")
    monkeypatch.setattr(
        Committer, "commit", lambda *_: None
    )  # what it says when the lease is somebody else's
    consumers(platform).consume(lane)
    assert not suspects_among(fields(platform, lane))


def test_a_holder_that_lost_its_lease_in_a_process_that_lives_makes_no_suspects(platform: Platform) -> None:
    """As when Redis was away: its lanes would crawl for seconds on top of the outage."""
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1-1")
    suspected = []
    for former in (f"{process_identity()}:former", "0badcafe0bad.17.4711:former", ":former"):
        platform.redis.delete(keys.update_suspects(0))
        platform.redis.hset(keys.update_suspects(0), "held", former)
        follower = tracker(platform, f"{process_identity()}:present")
        follower.begin()
        suspected.append(follower.includes("1-1"))
    assert suspected == [not process_identity(), True, True]
