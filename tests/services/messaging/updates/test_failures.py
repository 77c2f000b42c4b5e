"""What a lane does about handlers that fail, servers that are away and updates that may have killed a process."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from models import Bot
from services.core.errors import Unavailable
from services.messaging.updates.crash_tracker import CrashTracker, suspects_among
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.update_letters import UpdateLetters
from services.platform.platform import Platform
from services.platform.redis import keys, streams
from services.queueing.lanes import lane_of
from tests.services.messaging.draining import QUICK, TRIAL, consumers, handle_all, letters, replies
from tests.services.messaging.updates import plugins_for_tests
from tests.services.messaging.updates.suspects import fields
from tools.servers.fleet import Plugins, accept_all, add_bot, message, working
from tools.servers.sandbox import wait_until


def test_a_failing_handler_is_tried_again_and_leaves_no_half_effects(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(1, 1, "fail 2"), message(2, 1, "next"), message(3, 2, "other")])
    handle_all(platform)
    assert [text for chat, text in replies(platform, bot) if chat == "1"] == ["fail 2", "next"]
    assert plugins_for_tests.calls.count((bot.id, "fail 2")) == 3
    assert letters(platform) == []
    assert not platform.redis.exists(*[keys.update_attempts(lane) for lane in range(8)])


def test_after_three_retries_an_update_is_a_dead_letter_and_its_chat_goes_on(
    platform: Platform, bot: Bot
) -> None:
    accept_all(platform, bot, [message(1, 1, "fail"), message(2, 1, "next")])
    handle_all(platform)
    [letter] = letters(platform)
    assert (letter.kind, letter.attempts, letter.bot_id) == ("update", 4, bot.id)
    assert "ValueError: on order" in letter.error
    sorry, following = [text for _, text in replies(platform, bot)]
    assert letter.error_id in sorry
    assert following == "next"


def test_an_update_the_library_cannot_read_is_one_dead_letter_and_its_chat_goes_on(
    platform: Platform, bot: Bot
) -> None:
    odd = {"update_id": 1, "message": {"message_id": 7, "chat": {"id": 1}}}
    accept_all(platform, bot, [odd, message(2, 1, "next")])
    handle_all(platform)
    [letter] = letters(platform)
    assert (letter.kind, letter.attempts, letter.bot_id) == ("update", 1, bot.id)
    assert replies(platform, bot) == [("1", "next")]
    assert not platform.redis.exists(*[keys.update_attempts(lane) for lane in range(8)])


def test_whatever_fails_after_the_burial_the_update_is_done(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("on order")

    monkeypatch.setattr("services.messaging.plugin_runtime.behaviour.Behaviour.give_up", broken)
    accept_all(platform, bot, [message(1, 1, "fail"), message(2, 1, "next")])
    handle_all(platform)
    assert len(letters(platform)) == 1
    assert replies(platform, bot) == [("1", "next")]


@pytest.mark.parametrize(
    ("text", "away"),
    [("fail", ValueError), ("half", Unavailable)],
    ids=["of a handler", "of an effect that cannot be written"],
)
def test_a_burial_that_fails_is_tried_again_after_a_pause(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch, text: str, away: type[Exception]
) -> None:
    asked: list[str] = []
    bury = UpdateLetters.store

    def fails_twice(self: UpdateLetters, waiting: QueuedUpdate, *rest: str) -> str:
        asked.append(waiting.entry_id)
        if len(asked) <= 2:
            raise away("on order")
        return bury(self, waiting, *rest)

    monkeypatch.setattr(UpdateLetters, "store", fails_twice)
    accept_all(platform, bot, [message(1, 1, text), message(2, 1, "next")])
    handle_all(platform, timings=replace(QUICK, backoff=(0.01, 0.02)))
    assert len(asked) == 3
    assert len(letters(platform)) == 1
    assert replies(platform, bot)[-1] == ("1", "next")


@pytest.mark.parametrize(("text", "raised"), [("exit", "SystemExit"), ("cancel", "CancelledError")])
def test_a_handler_that_raises_what_ends_threads_only_fails(
    platform: Platform, bot: Bot, text: str, raised: str
) -> None:
    accept_all(platform, bot, [message(1, 1, text), message(2, 1, "next")])
    handle_all(platform)
    [letter] = letters(platform)
    assert raised in letter.error
    assert replies(platform, bot)[-1] == ("1", "next")


def test_failures_of_one_cause_share_a_fingerprint(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(n, n, "fail") for n in (1, 2)] + [message(3, 3, "unsendable")])
    handle_all(platform)
    found = letters(platform)
    assert len(found) == 3
    assert len({letter.fingerprint for letter in found}) == 2


def test_a_handler_may_pass_on_and_a_broken_plugin_does_not_stop_the_others(platform: Platform) -> None:
    plugins: Plugins = (("broken", {}), *TRIAL)
    bot = add_bot(platform, {"id": 7003, "username": "passing_bot", "token": "7003:" + "A" * 35}, plugins)
    accept_all(platform, bot, [message(1, 1, "pass")])
    handle_all(platform)
    assert replies(platform, bot) == [("1", "after: pass")]


def test_an_update_waits_while_the_database_is_away(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = platform.database.engine
    accept_all(platform, bot, [message(1, 1, "hi")])
    with engine.connect() as blocker:
        blocker.exec_driver_sql("ROLLBACK")
        blocker.exec_driver_sql("BEGIN EXCLUSIVE")
        monkeypatch.setattr(platform.database, "lock_patience", 0.1)
        inbound = consumers(platform, replace(QUICK, backoff=(0.05, 0.1)))
        thread = threading.Thread(target=handle_all, args=(platform, inbound))
        thread.start()
        time.sleep(1.0)
        assert replies(platform, bot) == []
        blocker.exec_driver_sql("ROLLBACK")
        thread.join(20)
    assert replies(platform, bot) == [("1", "hi")]
    assert letters(platform) == []


def test_an_update_that_a_redis_brings_back_which_has_lost_a_moment_is_handled(
    platform: Platform, bot: Bot
) -> None:
    """It stands before what was read already, as after a failover or a power cut."""
    lane = keys.update_lane(lane_of(bot.id, "1", platform.settings.update_lanes))
    accept_all(platform, bot, [message(1, 1, "a")])
    [(_, fields)] = streams.read(platform.redis, {lane: "0"}, count=1)[lane]
    with working(platform, QUICK):
        wait_until(lambda: len(replies(platform, bot)) == 1)
        again = {
            **fields,
            "update": fields["update"].replace('"a"', '"b"').replace('"update_id":1', '"update_id":2'),
        }
        platform.redis.delete(lane)
        platform.redis.xadd(lane, again, id="1-1")  # type: ignore[arg-type]
        wait_until(lambda: len(replies(platform, bot)) == 2, seconds=10)
    assert replies(platform, bot) == [("1", "a"), ("1", "b")]


def test_a_restart_of_redis_ends_no_drain(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, failures = streams.read, iter([RedisConnectionError("gone")] * 3)

    def failing(*arguments: Any, **options: Any) -> Any:
        for failure in failures:
            raise failure
        return read(*arguments, **options)

    monkeypatch.setattr(streams, "read", failing)
    accept_all(platform, bot, [message(1, 5, "hello")])
    consumers(platform).consume(lane_of(bot.id, "5", platform.settings.update_lanes))
    assert next(failures, None) is None
    assert replies(platform, bot) == [("5", "hello")]


def test_a_suspect_that_waits_is_not_on_record_for_the_deaths_of_others(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_on_record = list[str]()
    record = CrashTracker.record

    def note(tracker: CrashTracker, entry_ids: list[str], marks: int) -> None:
        was_on_record.extend(entry_ids)
        record(tracker, entry_ids, marks)

    monkeypatch.setattr(CrashTracker, "record", note)
    accept_all(platform, bot, [message(1, 1, "fail"), message(2, 1, "behind it")])
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    platform.redis.hset(keys.update_suspects(lane), "held", "the dead")
    with working(platform, replace(QUICK, retry_delays=(30.0, 30.0, 30.0))):
        wait_until(lambda: platform.redis.hlen(keys.update_attempts(lane)))
        wait_until(lambda: len(set(was_on_record)) == 2)
        time.sleep(0.2)
        assert not suspects_among(fields(platform, lane))
