"""The door: dedupe, backlog, sealing, order keys."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import select

from models import Account, DeadLetter, Notification
from services.alerts.dead_letters.store import store
from services.core.errors import Unavailable
from services.core.metrics import MESSAGES, UPDATES
from services.core.settings import Settings
from services.messaging.updates.intake import Intake, Outcome
from services.messaging.updates.rejected_bodies import store_rejected_bodies
from services.operations.queue_watchdog import notify_of_lag
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.platform.redis.leases import Lease
from services.platform.token_encryption import open_tokens, seal_tokens
from services.queueing.lanes import chat_of, lane_of
from tools.servers.fleet import add_bot, message, stream
from tools.servers.sandbox import Sandbox

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One lane, so that a test knows where an update is."""
    return settings.model_copy(update={"update_lanes": 1, "intake_max_backlog": 100})


def waiting(platform: Platform) -> list[dict[str, str]]:
    return [fields for _, fields in stream(platform, keys.update_lane(0))]


def test_an_update_delivered_again_is_taken_once(platform: Platform) -> None:
    intake = Intake(platform)
    assert intake.accept(7, message(1, 5, "hi")) is Outcome.RING
    assert intake.accept(7, message(1, 5, "hi")) is Outcome.DUPLICATE
    assert (
        intake.accept(8, message(1, 5, "hi")) is Outcome.ACCEPTED
    )  # another bot's update 1 is another update
    assert len(waiting(platform)) == 2


def test_each_update_is_counted_by_what_became_of_it(platform: Platform) -> None:
    words = ("accepted", "duplicate", "refused")
    before = [UPDATES.labels(word)._value.get() for word in words]
    messages = MESSAGES.labels("7", "message")._value.get()
    intake = Intake(platform)
    for update_id in (1, 1, 1, 2):
        intake.accept(7, message(update_id, 5, "hi"))
    platform.redis.set(work_keys.is_full(7), "1")
    with pytest.raises(Unavailable):
        intake.accept(7, message(3, 5, "hi"))
    now = [UPDATES.labels(word)._value.get() for word in words]
    assert [after - before for before, after in zip(before, now, strict=True)] == [2, 2, 1]
    assert MESSAGES.labels("7", "message")._value.get() - messages == 2


def test_update_ids_may_come_in_any_order_and_restart(platform: Platform) -> None:
    intake = Intake(platform)
    for update_id in (20_000, 19_999, 3, 2**40, 20_001, 2):
        assert intake.accept(7, message(update_id, 5, "hi")) is not Outcome.DUPLICATE
    assert len(waiting(platform)) == 6


def test_concurrent_deliveries_of_one_update_are_taken_once(platform: Platform) -> None:
    intake = Intake(platform)
    outcomes: list[Outcome | None] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(intake.accept(7, message(1, 5, "hi"))))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waiting(platform)) == 1
    assert outcomes.count(Outcome.DUPLICATE) == 19


def test_a_full_lane_refuses_and_remembers_nothing(platform: Platform) -> None:
    intake = Intake(platform)
    for update_id in range(100):
        intake.accept(7, message(update_id, 5, "hi"))
    with pytest.raises(Unavailable) as refused:
        intake.accept(7, message(100, 5, "hi"))
    assert refused.value.retry_after == 5
    platform.redis.delete(keys.update_lane(0))
    assert intake.accept(7, message(100, 5, "hi")) is not Outcome.DUPLICATE


def test_the_bell_rings_once_and_not_while_somebody_is_at_the_lane(platform: Platform) -> None:
    intake = Intake(platform)
    assert intake.accept(7, message(1, 5, "hi")) is Outcome.RING
    assert intake.accept(7, message(2, 5, "hi")) is Outcome.ACCEPTED
    platform.redis.delete(keys.wakeup("lane", 0))
    assert Lease.take(platform.redis, "lane:0", ttl_seconds=5)
    assert intake.accept(7, message(3, 5, "hi")) is Outcome.ACCEPTED
    assert platform.redis.llen("rq:queue:updates") == 1


def test_a_token_inside_an_update_is_sealed_in_redis(platform: Platform) -> None:
    Intake(platform).accept(7, message(1, 5, f"my token is {TOKEN}, keep it"))
    [fields] = waiting(platform)
    assert TOKEN not in json.dumps(fields)
    opened = json.loads(open_tokens(platform.vault, fields["update"], 7))
    assert opened["message"]["text"] == f"my token is {TOKEN}, keep it"


def test_an_escaped_token_is_found_too(platform: Platform) -> None:
    body = json.dumps(message(1, 5, "TEXT")).replace("TEXT", TOKEN.replace(":", "\\u003a"))
    assert TOKEN not in body
    Intake(platform).accept_body(7, body.encode())
    [fields] = waiting(platform)
    assert TOKEN not in fields["update"]
    assert "sealed" in fields["update"]


def test_what_only_looks_sealed_stays_as_it_is(platform: Platform) -> None:
    text = "⟦sealed:gAAAA⟧"
    assert open_tokens(platform.vault, text, 7) == text
    foreign = seal_tokens(platform.vault, TOKEN, 8)
    assert open_tokens(platform.vault, foreign, 7) == foreign


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"update_id": "1"}',
        b'{"update_id": true}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"update_id": -1}',
    ],
)
def test_a_broken_body_becomes_a_dead_letter(platform: Platform, body: bytes) -> None:
    assert Intake(platform).accept_body(7, body) is None
    assert platform.redis.xlen(keys.intake_dead()) == 1
    assert not waiting(platform)


def test_what_is_nested_too_deep_to_be_sealed_becomes_a_dead_letter_and_blocks_nobody(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_deep(*_: object) -> str:  # from some 500 levels on, with something like a token among them
        raise RecursionError

    monkeypatch.setattr("services.messaging.updates.intake.dump_sealed", too_deep)
    body = b'{"update_id":5,"message":{}}'
    assert Intake(platform).accept_body(7, body) is None
    assert Intake(platform).accept(7, json.loads(body)) is None
    assert waiting(platform) == []
    excerpts = [fields["body"] for _, fields in stream(platform, keys.intake_dead())]
    assert excerpts == [body.decode(), '{"update_id":5}']


@pytest.mark.data
def test_given_up_bodies_become_redacted_rows_of_the_bots_account(
    platform: Platform, sandbox: Sandbox
) -> None:
    bot = add_bot(platform, sandbox.create_bot())
    Intake(platform).accept_body(bot.id, f"not json {TOKEN}".encode())
    assert TOKEN not in str(stream(platform, keys.intake_dead()))
    assert store_rejected_bodies(platform) == 1
    assert store_rejected_bodies(platform) == 0
    with platform.database.reading() as session:
        [letter] = session.scalars(select(DeadLetter)).all()
    assert (letter.account_id, letter.bot_id, letter.kind) == (bot.account_id, bot.id, "intake")
    assert TOKEN not in letter.payload["body"]


@pytest.mark.parametrize("before", [1933, 1967, 1990, 1999])
def test_a_token_where_a_broken_body_is_cut_is_sealed(platform: Platform, before: int) -> None:
    Intake(platform).accept_body(7, b"x" * before + TOKEN.encode() + b"y" * 3000)
    [(_, fields)] = stream(platform, keys.intake_dead())
    assert TOKEN.partition(":")[0] not in fields["body"]
    assert len(fields["body"]) <= 2000


@pytest.mark.parametrize("before", [7970, 7995])
def test_a_token_where_a_dead_letters_payload_is_cut_is_redacted(platform: Platform, before: int) -> None:
    text = "x" * before + TOKEN
    with platform.database.transaction() as session:
        store(session, kind="intake", source_id="intake:cut", error="no", payload={"body": text})
    with platform.database.reading() as session:
        [letter] = session.scalars(select(DeadLetter))
    assert TOKEN.partition(":")[0] not in letter.payload["body"]


def test_the_request_id_travels_with_the_update(platform: Platform) -> None:
    Intake(platform).accept(7, message(1, 5, "hi"))
    assert len(waiting(platform)[0]["request"]) == 16


@pytest.mark.parametrize(
    ("event", "chat"),
    [
        ({"message": {"chat": {"id": -100}, "from": {"id": 5}}}, "-100"),
        ({"callback_query": {"from": {"id": 5}, "message": {"chat": {"id": -100}}}}, "-100"),
        ({"callback_query": {"from": {"id": 5}, "inline_message_id": "x"}}, "5"),
        ({"inline_query": {"from": {"id": 5}}}, "5"),
        ({"my_chat_member": {"chat": {"id": 9}, "from": {"id": 5}}}, "9"),
        ({"poll_answer": {"user": {"id": 5}}}, "5"),
        ({"poll": {"id": "1"}}, "0"),
        ({}, "0"),
        ({"message": "nonsense"}, "0"),
    ],
)
def test_updates_are_ordered_by_chat_else_by_person(event: dict[str, object], chat: str) -> None:
    assert chat_of({"update_id": 1, **event}) == chat


@pytest.mark.parametrize(
    ("bot_id", "chat", "lanes", "lane"),
    [(7, "5", 8, 5), (8, "5", 8, 0), (7, "-100123", 8, 3), (7, "5", 64, 29), (7, "5", 1, 0)],
)
def test_a_chat_has_the_same_lane_in_every_process_and_release(
    bot_id: int, chat: str, lanes: int, lane: int
) -> None:
    """Written down: whoever changes one of these has updates of one chat handled side by side during a release."""
    assert lane_of(bot_id, chat, lanes) == lane


def test_chats_spread_over_the_lanes() -> None:
    per_lane = Counter(lane_of(7, str(chat), 8) for chat in range(800))
    assert sorted(per_lane) == list(range(8))
    assert max(per_lane.values()) < 2 * 800 / 8


def test_a_redis_nearly_full_turns_updates_away_until_there_is_room_and_loses_none(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.queueing.memory_guard.CHECK_INTERVAL_SECONDS", 0.0)
    intake = Intake(platform)
    intake.accept(7, message(1, 5, "before"))
    try:
        used = int(platform.redis.info("memory")["used_memory"])
        platform.redis.config_set("maxmemory", used + used // 20)
        with pytest.raises(Unavailable) as nearly:
            intake.accept(7, message(2, 5, "nearly full"))
        platform.redis.config_set("maxmemory", 1)
        monkeypatch.setattr("services.queueing.memory_guard.FULL", float("inf"))
        with pytest.raises(Unavailable) as full:
            intake.accept(7, message(2, 5, "full"))
    finally:
        platform.redis.config_set("maxmemory", 0)
    assert (nearly.value.code, full.value.code) == ("backlog_full", "redis_unavailable")
    assert nearly.value.retry_after
    assert full.value.retry_after
    intake.accept(7, message(2, 5, "after"))
    assert [json.loads(each["update"])["message"]["text"] for each in waiting(platform)] == [
        "before",
        "after",
    ]


@pytest.mark.data
def test_administrators_hear_once_of_a_lane_that_lags_or_is_full(platform: Platform) -> None:
    with platform.database.transaction() as session:
        session.add(Account(email="admin@example.com", password_hash="-", is_admin=True))
        session.add(Account(email="other@example.com", password_hash="-"))
    assert not notify_of_lag(platform)
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id=f"{int(time.time() * 1000) - 90_000}-0")
    assert notify_of_lag(platform)
    assert notify_of_lag(platform)
    with platform.database.reading() as session:
        [told] = session.scalars(select(Notification))
    assert (told.kind, told.params["queue"], told.params["waiting"]) == ("queue_lag", "lane:0", 1)
    assert 90 <= told.params["seconds"] < 150
