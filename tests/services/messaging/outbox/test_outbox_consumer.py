"""Sending through the sandbox: order, limits, and each outcome class."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from sqlalchemy import select

from models import Bot, Lead
from plugins.effects import Priority
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.outbox.store import OutboxStore
from services.messaging.updates.reconcile import wake_waiting
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobQueue, waiting_jobs
from tests.services.messaging.draining import QUICK_SENDING, letters, senders, shard_of
from tests.services.messaging.outbox.conftest import Put
from tools.servers.sandbox import Sandbox, wait_until

Step = Callable[..., None]
PATIENT = replace(QUICK_SENDING, idle_timeout=1.3)  # waits for a private chat's next second


def texts(sandbox: Sandbox, bot: Bot) -> list[tuple[int, str]]:
    return [(each["chat_id"], each["text"]) for each in sandbox.sent(bot.username, "sendMessage")]


def test_chats_are_served_in_order_and_the_outbox_is_empty_afterwards(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    left: Callable[[], int],
) -> None:
    for number in range(3):
        for user in people:
            put(user, f"{number}")
    send_all()
    for user in people:
        assert [text for chat, text in texts(sandbox, bot) if chat == user] == ["0", "1", "2"]
    assert left() == 0
    assert not platform.redis.zrange(keys.outbox_active(bot.id % 8), 0, -1)
    assert not platform.redis.exists(keys.lease(f"outbox:{bot.id % 8}"))


def test_replies_overtake_bulk(
    sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    for number in range(3):
        put(people[0], f"bulk {number}", Priority.BULK)
    put(people[0], "reply")
    send_all(PATIENT)
    assert [text for _, text in texts(sandbox, bot)] == ["reply", "bulk 0", "bulk 1", "bulk 2"]


def test_pacing_keeps_telegrams_limits(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    sandbox.post(f"/bots/{bot.username}/strict")
    for number in range(5):
        put(people[0], f"{number}")
    began = time.monotonic()
    send_all(PATIENT)
    assert [text for _, text in texts(sandbox, bot)] == ["0", "1", "2", "3", "4"]
    assert time.monotonic() - began >= 1.9  # a burst of three, then one a second
    assert sandbox.stats()["calls"]["sendMessage"].get("429", 0) == 0


def test_a_429_makes_its_chat_wait_without_a_worker_and_others_go_on(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    left: Callable[[], int],
) -> None:
    first, second = people[:2]
    sandbox.fault("429", chat_id=first, retry_after=2, count=1)
    put(first, "a")
    put(first, "b")
    put(second, "c")
    began = time.monotonic()
    send_all()
    assert time.monotonic() - began < 1.9  # it left instead of sleeping
    assert texts(sandbox, bot) == [(second, "c")]
    assert left() == 2
    assert wake_waiting(platform) == 0  # not yet
    wait_until(lambda: wake_waiting(platform) == 1)
    send_all()
    assert texts(sandbox, bot) == [(second, "c"), (first, "a"), (first, "b")]


def test_a_stay_ends_though_sends_are_always_under_way(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    left: Callable[[], int],
) -> None:
    sandbox.fault("delay", seconds=0.2)
    for user in people * 100:
        enqueue_call(
            platform, bot.id, "sendChatAction", {"chat_id": user, "action": "typing"}, Priority.REPLY
        )
    shard = shard_of(platform, bot)
    senders(platform, replace(QUICK_SENDING, max_stay=2.0)).send_shard(shard)
    assert 0 < left() < 400
    assert not platform.redis.exists(keys.lease(f"outbox:{shard}"))
    assert waiting_jobs(platform.redis, JobQueue.OUTBOUND)


def test_two_flooded_chats_pause_the_bot(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    left: Callable[[], int],
) -> None:
    sandbox.fault("429", retry_after=30, count=2)
    put(people[0], "a")
    put(people[1], "b")
    send_all()
    put(people[2], "c")
    send_all()
    assert texts(sandbox, bot) == []
    assert left() == 3
    assert "*" in platform.redis.hgetall(keys.outbox_pauses(bot.id))


@pytest.mark.data
def test_a_person_who_blocked_the_bot_is_marked(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    left: Callable[[], int],
) -> None:
    with platform.database.transaction() as session:
        session.add(Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=people[0]))
    sandbox.block(people[0], bot.username)
    put(people[0], "hello")
    send_all()
    with platform.database.reading() as session:
        assert session.scalars(select(Lead.state)).one() == "blocked"
    assert left() == 0
    assert letters(platform) == []


@pytest.mark.data
def test_a_refused_message_is_a_dead_letter_and_the_next_goes_out(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    enqueue_call(platform, bot.id, "sendMessage", {"chat_id": people[0], "text": ""}, Priority.REPLY)
    put(people[0], "fine")
    send_all()
    assert [text for _, text in texts(sandbox, bot)] == ["fine"]
    [letter] = letters(platform)
    assert (letter.kind, letter.bot_id, letter.payload["method"]) == ("send", bot.id, "sendMessage")


def test_an_uncertain_send_is_repeated_once_and_then_given_up(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    sandbox.fault("reset", method="sendMessage", count=2)
    put(people[0], "perhaps")
    put(people[0], "after")
    send_all()
    assert sandbox.calls("sendMessage") >= 1
    assert [text for _, text in texts(sandbox, bot)] == ["after"]
    [letter] = letters(platform)
    assert (letter.kind, letter.attempts) == ("send", 2)


def test_a_failing_server_is_tried_again(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    sandbox.fault("status", status=500, method="sendMessage", count=3)
    put(people[0], "patience")
    send_all()
    assert texts(sandbox, bot) == [(people[0], "patience")]
    assert letters(platform) == []


def test_an_unreachable_server_loses_nothing(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, left: Callable[[], int]
) -> None:
    away = Platform(platform.settings.model_copy(update={"telegram_api_url": "http://127.0.0.1:1"}))
    put(people[0], "later")
    stopping = threading.Event()
    thread = threading.Thread(target=senders(away, stopping=stopping).send_shard, args=(bot.id % 8,))
    thread.start()
    time.sleep(0.8)
    stopping.set()
    thread.join(15)
    assert left() == 1
    senders(platform).send_shard(bot.id % 8)
    assert texts(sandbox, bot) == [(people[0], "later")]


def test_a_revoked_token_keeps_the_messages_and_asks_for_a_check(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Step,
    left: Callable[[], int],
) -> None:
    sandbox.revoke(bot.username)
    put(people[0], "a")
    put(people[1], "b")
    send_all()
    assert left() == 2
    assert letters(platform) == []
    assert platform.redis.exists(keys.wakeup("check", bot.id))
    assert sandbox.calls("sendMessage") <= 2


def test_messages_of_a_deleted_bot_are_dropped(
    platform: Platform, bot: Bot, people: list[int], put: Put, send_all: Step, left: Callable[[], int]
) -> None:
    put(people[0], "a")
    with platform.database.transaction() as session:
        session.delete(session.get_one(Bot, bot.id))
    send_all()
    assert left() == 0


def test_no_token_of_a_message_stays_in_redis(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put, send_all: Step
) -> None:
    token = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    put(people[0], f"you wrote {token}")
    assert token not in str(platform.redis.xrange(keys.outbox(bot.id, "reply")))
    send_all()
    assert texts(sandbox, bot) == [(people[0], f"you wrote {token}")]


def test_one_drain_sends_for_a_shard_at_a_time(
    platform: Platform, sandbox: Sandbox, bot: Bot, people: list[int], put: Put
) -> None:
    for user in people:
        put(user, "once")
    threads = [threading.Thread(target=senders(platform).send_shard, args=(bot.id % 8,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert len(texts(sandbox, bot)) == len(people)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_entry_put_while_the_drain_leaves_is_never_forgotten(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    left: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Between its last look and its leaving, the drain stays for it; after its leaving, the bell rings for the next."""
    leave, tries = OutboxStore.release, list[bool]()

    def leave_beside_a_put(store: OutboxStore, token: str, wakes: Mapping[int, float]) -> bool:
        if moment == "before" and not tries:
            put(people[1], "late", Priority.BULK)
        tries.append(leave(store, token, wakes))
        if moment == "after" and tries == [True]:
            put(people[1], "late", Priority.BULK)
        return tries[-1]

    monkeypatch.setattr(OutboxStore, "release", leave_beside_a_put)
    put(people[0], "first")
    shard = bot.id % 8
    platform.redis.delete(keys.wakeup("outbox", shard), f"rq:queue:{JobQueue.OUTBOUND}")  # the first one's
    senders(platform).send_shard(shard)
    if moment == "before":
        assert tries == [False, True]
    else:
        assert (tries, left()) == ([True], 1)
        assert waiting_jobs(platform.redis, JobQueue.OUTBOUND)
        senders(platform).send_shard(shard)
    assert texts(sandbox, bot) == [(people[0], "first"), (people[1], "late")]
    assert left() == 0
