"""Working off lanes: order, fairness, failures, once-only effects. Replies are looked at in Redis or the sandbox."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import select

from models import Bot, DeadLetter, Lead, Start
from plugins.context import BotFacts
from services.platform import Platform
from services.redis import keys, streams
from services.redis.changes import Topic, announce
from services.redis.keeper import LeaseKeeper
from services.updates import drain as drain_module
from services.updates.effects import Committer, Settled
from services.updates.handling import Handled, Handling, Send, Waiting
from services.updates.inbound import Inbound
from services.updates.intake import Intake
from services.updates.lanes import lane_of
from tests.servers.fleet import Plugins, accept_all, add_bot, message, stream, working
from tests.servers.sandbox import Sandbox, wait_until
from tests.services.updates import plugins_for_tests

TRIAL: Plugins = (("trial", {}), ("after", {}), ("error_handler", {}))


@pytest.fixture(autouse=True)
def _fresh_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins_for_tests.calls.clear()
    monkeypatch.setattr(drain_module, "RETRY_DELAYS", (0.05, 0.1, 0.2))
    monkeypatch.setattr(drain_module, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(drain_module, "LOOK_SECONDS", 0.1)


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}, TRIAL)


def handle_all(platform: Platform) -> None:
    """Work off every lane until all are empty."""
    inbound = Inbound(platform, threading.Event())
    threads = [
        threading.Thread(target=inbound.drain, args=(lane,)) for lane in range(platform.settings.update_lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(
        platform.redis.xlen(keys.update_lane(lane)) for lane in range(platform.settings.update_lanes)
    )


def replies(platform: Platform, bot: Bot) -> list[tuple[str, str]]:
    """(chat, text) of what waits in the bot's outbox."""
    entries = stream(platform, keys.outbox(bot.id, "reply"))
    return [(fields["chat"], json.loads(fields["call"])["params"].get("text", "")) for _, fields in entries]


def letters(platform: Platform) -> list[DeadLetter]:
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))


def test_each_chat_is_answered_in_order_while_chats_overlap(platform: Platform, bot: Bot) -> None:
    chats, each = 12, 15
    updates = [
        message(chat * 1000 + n, chat, f"sleep {random.uniform(0, 0.004):.4f} {n:03}")
        for n in range(each)
        for chat in range(1, chats + 1)
    ]
    accept_all(platform, bot, updates)
    handle_all(platform)
    found = replies(platform, bot)
    assert len(found) == chats * each
    for chat in range(1, chats + 1):
        numbers = [text.split()[-1] for to, text in found if to == str(chat)]
        assert numbers == [f"{n:03}" for n in range(each)]


def test_a_slow_handler_delays_only_its_chat(platform: Platform, bot: Bot) -> None:
    slow = [message(1, 1, "sleep 1.5"), message(2, 1, "later")]
    accept_all(platform, bot, slow + [message(n, n, "quick") for n in range(3, 40)])
    handle_all(platform)
    texts = [text for _, text in replies(platform, bot)]
    assert texts[-2:] == ["sleep 1.5", "later"]
    assert texts.count("quick") == 37


def test_a_hot_bot_does_not_starve_another(platform: Platform, bot: Bot) -> None:
    quiet = add_bot(platform, {"id": 7002, "username": "quiet_bot", "token": "7002:" + "A" * 35}, TRIAL)
    accept_all(platform, bot, [message(n, n, "sleep 0.01") for n in range(1000)])
    accept_all(platform, quiet, [message(n, n, "hi") for n in range(20)])
    handle_all(platform)
    order = [number for number, _ in plugins_for_tests.calls]
    last_of_quiet = len(order) - 1 - order[::-1].index(quiet.id)
    assert last_of_quiet < len(order) * 0.6  # it came last, it is not served last


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

    monkeypatch.setattr("services.behaviour.behaviour.Behaviour.give_up", broken)
    accept_all(platform, bot, [message(1, 1, "fail"), message(2, 1, "next")])
    handle_all(platform)
    assert len(letters(platform)) == 1
    assert replies(platform, bot) == [("1", "next")]


def test_a_burial_that_fails_is_tried_again_after_a_pause(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    bury = Handling.bury

    def fails_twice(self: Handling, waiting: Waiting, *rest: str) -> str:
        asked.append(waiting.entry_id)
        if len(asked) <= 2:
            raise ValueError("on order")
        return bury(self, waiting, *rest)

    monkeypatch.setattr(drain_module, "BACKOFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(Handling, "bury", fails_twice)
    accept_all(platform, bot, [message(1, 1, "fail"), message(2, 1, "next")])
    handle_all(platform)
    assert len(asked) == 3
    assert len(letters(platform)) == 1
    assert replies(platform, bot)[-1] == ("1", "next")


def test_a_handler_that_asks_the_process_to_exit_only_fails(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(1, 1, "exit"), message(2, 1, "next")])
    handle_all(platform)
    [letter] = letters(platform)
    assert "SystemExit" in letter.error
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


def tap(update_id: int, chat: int, data: str) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "Ana"}
    shown = message(1, chat, "menu")["message"]
    query = {"id": str(update_id), "from": person, "message": shown, "chat_instance": "1", "data": data}
    return {"update_id": update_id, "callback_query": query}


def test_every_button_tap_is_answered_and_keeps_the_chats_order(platform: Platform, bot: Bot) -> None:
    accept_all(
        platform,
        bot,
        [message(1, 1, "sleep 0.2"), tap(2, 1, "tap:x"), tap(3, 1, "quiet"), tap(4, 1, "unknown")],
    )
    handle_all(platform)
    assert [text for _, text in replies(platform, bot)] == ["sleep 0.2", "tapped tap:x"]
    answers = [json.loads(f["call"]) for _, f in stream(platform, keys.outbox(bot.id, "answer"))]
    assert [call["method"] for call in answers] == ["answerCallbackQuery"] * 3
    assert [call["params"]["callback_query_id"] for call in answers] == ["2", "3", "4"]


def test_conversation_state_is_kept_per_bot_chat_and_person(platform: Platform, bot: Bot) -> None:
    other = add_bot(platform, {"id": 7004, "username": "other_bot", "token": "7004:" + "A" * 35}, TRIAL)
    accept_all(platform, bot, [message(n, 1, "count") for n in (1, 2)] + [message(3, 2, "count")])
    accept_all(platform, other, [message(1, 1, "count")])
    handle_all(platform)
    assert sorted(replies(platform, bot)) == [("1", "seen 1"), ("1", "seen 2"), ("2", "seen 1")]
    assert replies(platform, other) == [("1", "seen 1")]
    assert 0 < platform.redis.ttl(keys.conversation(bot.id, 1, 1)) <= 7 * 86400


def test_updates_of_stopped_and_deleted_bots_are_dropped(platform: Platform, bot: Bot) -> None:
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).desired_running = False
    accept_all(platform, bot, [message(1, 1, "hi")])
    Intake(platform).accept(999_999, message(1, 1, "hi"))
    handle_all(platform)
    assert replies(platform, bot) == []
    assert plugins_for_tests.calls == []


@pytest.mark.data
def test_starts_and_leads_are_rows_once(platform: Platform) -> None:
    bot = add_bot(platform, {"id": 7005, "username": "row_bot", "token": "7005:" + "A" * 35})
    accept_all(platform, bot, [message(1, 5, "/start promo"), message(2, 5, "hello"), message(3, 6, "hello")])
    handle_all(platform)
    with platform.database.reading() as session:
        [start] = session.scalars(select(Start))
        leads = set(session.scalars(select(Lead.telegram_id)))
    assert (start.update_id, start.start_param) == (1, "promo")
    assert leads == {5, 6}


def test_an_update_waits_while_the_database_is_away(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "BACKOFF_SECONDS", (0.05, 0.1))
    engine = platform.database.engine
    accept_all(platform, bot, [message(1, 1, "hi")])
    with engine.connect() as blocker:
        blocker.exec_driver_sql("ROLLBACK")
        blocker.exec_driver_sql("BEGIN EXCLUSIVE")
        monkeypatch.setattr("services.database.LOCK_PATIENCE_SECONDS", 0.1)
        thread = threading.Thread(target=handle_all, args=(platform,))
        thread.start()
        time.sleep(1.0)
        assert replies(platform, bot) == []
        blocker.exec_driver_sql("ROLLBACK")
        thread.join(20)
    assert replies(platform, bot) == [("1", "hi")]
    assert letters(platform) == []


def settled(entry_id: str, bot: Bot, text: str) -> Settled:
    call = json.dumps({"method": "sendMessage", "params": {"chat_id": 1, "text": text}})
    return Settled(entry_id, bot.id, "r1", Handled((Send("reply", "1", call),)))


def test_a_commit_repeated_adds_nothing(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(1, 1, "hi")])
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    holding = LeaseKeeper(platform.redis).take(f"lane:{lane}")
    assert holding is not None
    committer = Committer(platform.redis, lane, 8, holding.lease.token)
    [(entry_id, _)] = stream(platform, keys.update_lane(lane))
    assert committer.commit([settled(entry_id, bot, "once")]) == [bot.id % 8]
    assert committer.commit([settled(entry_id, bot, "once")]) == []
    assert replies(platform, bot) == [("1", "once")]


def test_a_holder_that_lost_its_lease_can_do_no_harm(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(1, 1, "hi")])
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    [(entry_id, _)] = stream(platform, keys.update_lane(lane))
    assert LeaseKeeper(platform.redis).take(f"lane:{lane}")
    stale = Committer(platform.redis, lane, 8, "somebody else's token")
    assert stale.commit([settled(entry_id, bot, "stale")]) is None
    assert replies(platform, bot) == []
    assert platform.redis.xlen(keys.update_lane(lane)) == 1


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
    Inbound(platform, threading.Event()).drain(lane_of(bot.id, "5", platform.settings.update_lanes))
    assert next(failures, None) is None
    assert replies(platform, bot) == [("5", "hello")]


def test_a_lane_is_drained_by_one_at_a_time(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(n, 1, "sleep 0.05") for n in range(10)])
    first, second = Inbound(platform, threading.Event()), Inbound(platform, threading.Event())
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    threads = [threading.Thread(target=side.drain, args=(lane,)) for side in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(plugins_for_tests.calls) == 10


def test_changes_of_a_bot_reach_a_running_worker(platform: Platform, sandbox: Sandbox) -> None:
    identity = sandbox.create_bot()
    bot = add_bot(platform, identity, (("start", {"welcome_message": "one"}),))
    user = sandbox.create_user()
    sandbox.start(user["id"], identity["username"])
    with working(platform):
        accept_all(platform, bot, [message(1, user["id"], "/start")])
        wait_until(lambda: len(sandbox.sent(identity["username"])) == 1)
        with platform.database.transaction() as session:
            session.get_one(Bot, bot.id).plugins[0].config = {"welcome_message": "two"}
        announce(platform.redis, Topic.BOT, bot.id)
        time.sleep(0.3)
        accept_all(platform, bot, [message(2, user["id"], "/start")])
        wait_until(lambda: len(sandbox.sent(identity["username"])) == 2)
    assert [each["text"] for each in sandbox.sent(identity["username"])] == ["one", "two"]


def test_bot_facts_hold_no_token() -> None:
    assert "token" not in BotFacts.__dataclass_fields__


def test_a_suspect_that_waits_is_not_on_record_for_the_deaths_of_others(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain_module, "RETRY_DELAYS", (30.0, 30.0, 30.0))
    accept_all(platform, bot, [message(1, 1, "fail"), message(2, 1, "behind it")])
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    platform.redis.hset(keys.update_suspects(lane), "held", "the dead")
    with working(platform):
        wait_until(lambda: platform.redis.hlen(keys.update_attempts(lane)))
        wait_until(lambda: platform.redis.hlen(keys.update_suspects(lane)) == 3)
        time.sleep(0.2)
        on_record = platform.redis.hgetall(keys.update_suspects(lane))
    assert {number for name, number in on_record.items() if name != "held"} == {"0"}
