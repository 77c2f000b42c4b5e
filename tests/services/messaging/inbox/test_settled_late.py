"""What was sent and comes back, or can be settled, only after the stay in its shard has ended."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeoutError

from models import Bot
from services.messaging.inbox import answering
from services.messaging.inbox.conversations import get_conversation
from services.messaging.outbox import settler
from services.messaging.outbox.handing_over import hand_over
from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.pacing import Limits
from services.messaging.outbox.send_window import SendWindow, ShardSends
from services.messaging.outbox.settler import Settler
from services.messaging.outbox.store import READ_AT_ONCE, OutboxStore
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
from services.platform.redis.lease_renewer import HeldLease
from services.queueing.process_pace import ProcessPace
from services.queueing.shared_reads import SharedReads
from tests.services.messaging.draining import shard_of
from tests.services.messaging.inbox.inbox_things import keep, new_answer, only_talk, outbox, sent, wrote
from tools.servers.fleet import stream
from tools.servers.sandbox import wait_until

CALL: dict[str, Any] = {"method": "sendMessage", "params": {"chat_id": 5, "text": "said"}}


class Stay:
    """In the shard of a bot: its lease, its settler, and what is `done`."""

    def __init__(self, platform: Platform, bot: Bot) -> None:
        self.shard = shard = shard_of(platform, bot)
        reads = SharedReads(platform.blocking_redis, ProcessPace(0.001), count=READ_AT_ONCE)
        store = OutboxStore(platform.redis, reads, platform.vault, Limits.of(platform.settings), shard)
        self.done: list[OutboxMessage] = []
        self.held: HeldLease = _taken(platform, shard)
        sends = ShardSends(SendWindow(), shard)
        self.settler = Settler(platform, self.held, shard, store, sends, self.done.extend)

    def lose(self) -> None:
        """While something is on its way to Telegram."""
        self.held.lost()
        self.end()

    def end(self) -> None:
        """End the stay, with the lease or without."""
        self.settler.drain()
        self.settler.close(lambda: not self.done)

    def threads(self) -> list[str]:
        """Those that settle."""
        names = (f"settle-{self.shard}", f"outcomes-{self.shard}")
        return [each.name for each in threading.enumerate() if each.name in names]


def _taken(platform: Platform, shard: int) -> HeldLease:
    held = platform.leases.take(f"outbox:{shard}")
    assert held is not None
    return held


def test_what_a_bot_said_is_kept(platform: Platform, owner: Principal, bot: Bot) -> None:
    keep(platform, wrote(bot, 1))
    stay = Stay(platform, bot)
    stay.lose()
    said = sent(bot, CALL, sent={"message_id": 7})
    stay.settler.put(said)
    wait_until(lambda: len(get_conversation(platform, owner, only_talk(platform).id)["messages"]) == 2)
    told = get_conversation(platform, owner, only_talk(platform).id)["messages"]
    assert [each["text"] for each in told] == ["help", "said"]
    wait_until(lambda: stay.done)  # another thread than the one that keeps
    assert stay.done == [said]
    wait_until(lambda: not stay.threads())  # a second later


def test_an_operators_answer_is_noted_as_sent_and_not_sent_again(
    platform: Platform, owner: Principal, bot: Bot
) -> None:
    keep(platform, wrote(bot, 1))
    talk = only_talk(platform)
    written = answering.answer(platform, owner, talk.id, new_answer())
    stay = Stay(platform, bot)
    stay.lose()
    message = sent(
        bot, {**CALL, "then": {"inbox": written.id}}, answer={"ok": True, "result": {"message_id": 9}}
    )
    [(message.entry_id, _)] = stream(platform, keys.outbox(bot.id, "reply"))
    stay.settler.put(message)
    wait_until(lambda: stay.done)
    told = get_conversation(platform, owner, talk.id)["messages"]
    assert [each["status"] for each in told] == ["", "sent"]
    assert (outbox(platform, bot), stay.done) == (0, [message])


def test_an_answer_that_a_full_redis_refused_while_the_stay_ended_is_handed_over(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, room = threading.Event(), threading.Event()

    def full(*arguments: Any) -> list[int]:
        if room.is_set():
            return hand_over(*arguments)
        refused.set()
        raise OutOfMemoryError("on order")

    monkeypatch.setattr(settler, "hand_over", full)
    stay = Stay(platform, bot)
    message = sent(bot, {**CALL, "then": {"reply": "r1"}}, answer={"ok": True})
    stay.settler.put(message)
    assert refused.wait(10)
    stay.end()  # in peace: the shard is still held
    room.set()
    wait_until(lambda: stay.done)
    assert stay.done == [message]
    stay.held.release()
    assert platform.redis.exists(work_keys.reply(bot.id, "r1"))


def test_redis_is_waited_for_a_minute(platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def silent(*_: object) -> None:
        raise RedisTimeoutError("no answer")

    stay = Stay(platform, bot)
    stay.held.lost()
    monkeypatch.setattr(OutboxStore, "settle", silent)
    monkeypatch.setattr(settler, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    message = sent(bot, CALL)
    stay.settler.put(message)
    wait_until(lambda: stay.done)
    assert stay.done == [message]
    assert now[0] == pytest.approx(60.0, abs=1.0)
    stay.settler.close(lambda: 0)
    wait_until(lambda: not stay.threads())
