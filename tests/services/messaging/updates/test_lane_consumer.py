"""Working off lanes: order, fairness, once-only effects. Replies are looked at in Redis or the sandbox."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from models import Bot, Lead, Start
from plugins.context import BotFacts
from services.messaging.updates.effects import Committer, Settled
from services.messaging.updates.intake import Intake
from services.messaging.updates.queued_update import HandlerResult, Send
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.jobs import JobQueue, waiting_jobs
from services.platform.redis.lease_renewer import LeaseRenewer
from services.queueing.fair_share import FairShare
from tests.services.messaging.draining import QUICK, TRIAL, consumers, handle_all, replies
from tests.services.messaging.updates import plugins_for_tests
from tools.servers.fleet import accept_all, add_bot, message, stream, working
from tools.servers.sandbox import Sandbox, wait_until


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


@pytest.mark.parametrize("bots", [1, 5])
def test_many_slow_handlers_delay_only_their_chats(platform: Platform, bots: int) -> None:
    one_lane = Platform(platform.settings.model_copy(update={"update_lanes": 1}))
    slow = [
        add_bot(
            one_lane, {"id": 7100 + n, "username": f"slow{n}_bot", "token": f"{7100 + n}:" + "A" * 35}, TRIAL
        )
        for n in range(bots)
    ]
    other = add_bot(one_lane, {"id": 7200, "username": "other_bot", "token": "7200:" + "A" * 35}, TRIAL)
    for bot in slow:
        accept_all(one_lane, bot, [message(n, n, "hold") for n in range(1, 21)])
    accept_all(one_lane, slow[0], [message(21, 21, "quick")])
    accept_all(one_lane, other, [message(1, 1, "quick")])
    plugins_for_tests.released.clear()
    inbound = consumers(one_lane, replace(QUICK, slow_handler=0.05))
    thread = threading.Thread(target=inbound.consume, args=(0,))
    thread.start()
    try:
        wait_until(lambda: replies(one_lane, slow[0]) == [("21", "quick")])
        wait_until(lambda: replies(one_lane, other) == [("1", "quick")])
    finally:
        plugins_for_tests.released.set()
        thread.join(60)
    assert all(len(replies(one_lane, bot)) >= 20 for bot in slow)


def test_a_hot_bot_does_not_starve_another(platform: Platform, bot: Bot) -> None:
    quiet = add_bot(platform, {"id": 7002, "username": "quiet_bot", "token": "7002:" + "A" * 35}, TRIAL)
    accept_all(platform, bot, [message(n, n, "sleep 0.01") for n in range(400)])
    accept_all(platform, quiet, [message(n, n, "hi") for n in range(20)])
    handle_all(platform)
    order = [number for number, _ in plugins_for_tests.calls]
    last_of_quiet = len(order) - 1 - order[::-1].index(quiet.id)
    assert last_of_quiet < len(order) * 0.6  # it came last, it is not served last


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


def settled(entry_id: str, bot: Bot, text: str) -> Settled:
    call = json.dumps({"method": "sendMessage", "params": {"chat_id": 1, "text": text}})
    return Settled(entry_id, bot.id, "r1", HandlerResult((Send("reply", "1", call),)))


def test_a_commit_repeated_adds_nothing(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(1, 1, "hi")])
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    held = LeaseRenewer(platform.redis).take(f"lane:{lane}")
    assert held is not None
    committer = Committer(platform, lane, held.lease.token)
    [(entry_id, _)] = stream(platform, keys.update_lane(lane))
    assert committer.commit([settled(entry_id, bot, "once")]) == [bot.id % 8]
    assert committer.commit([settled(entry_id, bot, "once")]) == []
    assert replies(platform, bot) == [("1", "once")]


def test_a_holder_that_lost_its_lease_can_do_no_harm(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(1, 1, "hi")])
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    [(entry_id, _)] = stream(platform, keys.update_lane(lane))
    assert LeaseRenewer(platform.redis).take(f"lane:{lane}")
    stale = Committer(platform, lane, "somebody else's token")
    assert stale.commit([settled(entry_id, bot, "stale")]) is None
    assert replies(platform, bot) == []
    assert platform.redis.xlen(keys.update_lane(lane)) == 1


def test_a_lane_is_drained_by_one_at_a_time(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [message(n, 1, "sleep 0.05") for n in range(10)])
    first, second = consumers(platform), consumers(platform)
    lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
    threads = [threading.Thread(target=side.consume, args=(lane,)) for side in (first, second)]
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
    with working(platform, QUICK):
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


def test_a_lane_that_is_wanted_back_goes_to_the_next_with_what_it_has_left(platform: Platform) -> None:
    one_lane = Platform(platform.settings.model_copy(update={"update_lanes": 1}))
    bot = add_bot(one_lane, {"id": 7300, "username": "busy_bot", "token": "7300:" + "A" * 35}, TRIAL)
    accept_all(one_lane, bot, [message(n, 1, f"sleep 0.02 {n:03}") for n in range(1, 101)])
    inbound = consumers(one_lane, QUICK)
    inbound.share = FairShare(1, settled=0.0)
    thread = threading.Thread(target=inbound.consume, args=(0,))
    thread.start()
    wait_until(lambda: len(replies(one_lane, bot)) > 2)
    one_lane.redis.delete(f"rq:queue:{JobQueue.UPDATES}")
    inbound.share.weigh(8, {}, 1)
    thread.join(60)
    assert not thread.is_alive()
    handled = len(replies(one_lane, bot))
    assert 2 < handled < 100
    assert not one_lane.redis.exists(keys.lease("lane:0"))
    assert waiting_jobs(one_lane.redis, JobQueue.UPDATES)
    handle_all(one_lane)
    assert [text for _, text in replies(one_lane, bot)] == [f"sleep 0.02 {n:03}" for n in range(1, 101)]
