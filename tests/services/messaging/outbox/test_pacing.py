"""Buckets and turns, with time as an argument."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from services.messaging.outbox.pacing import MARGIN_SECONDS, Limits, Pacing
from services.queueing.bot_queue import Wait
from services.queueing.fair_queue import FairQueue

LIMITS = Limits(bot_per_second=30, chat_per_second=1, chat_burst=3, group_per_minute=20)


def send_all(pacing: Pacing, chats: list[str], until: float) -> list[float]:
    """The moments at which a greedy sender gets messages through, one chat after the other, from 0 to `until`."""
    sent, now, turn = [], 0.0, 0
    while now <= until:
        chat = chats[turn % len(chats)]
        ready = max(pacing.chat_ready_at(1, chat, now), pacing.bot_ready_at(1, now))
        if ready <= now:
            pacing.take(1, chat, now)
            sent.append(now)
            turn += 1
        else:
            now = ready
    return sent


def test_a_private_chat_gets_three_at_once_and_then_one_a_second() -> None:
    sent = send_all(Pacing(LIMITS), ["5"], 10.0)
    assert sent[:3] == [0.0, 0.0, 0.0]
    assert 9 <= len(sent[3:]) <= 10


def test_a_group_gets_twenty_a_minute() -> None:
    sent = send_all(Pacing(LIMITS), ["-100"], 120.0)
    assert all(sum(start <= at < start + 60 for at in sent) <= 20 for start in sent)
    assert len(sent) >= 40


def test_an_upgraded_group_goes_on_with_the_window_of_both_its_ids() -> None:
    pacing = Pacing(LIMITS)
    for second in range(12):
        pacing.take(1, "-100", float(second))
        pacing.take(1, "-1000000000100", 20.0 + second)
    pacing.join(1, "-100", "-1000000000100", 40.0)
    pacing.join(1, "-100", "-1000000000100", 40.0)
    # 24 within a minute: the fifth of them must be gone before another may go.
    for chat in ("-100", "-1000000000100"):
        assert pacing.chat_ready_at(1, chat, 40.0) == pytest.approx(60.0 + MARGIN_SECONDS)
    pacing.take(1, "-100", 64.5)
    assert pacing.chat_ready_at(1, "-1000000000100", 64.5) > 64.5


def test_a_bot_sends_thirty_a_second() -> None:
    sent = send_all(Pacing(LIMITS), [str(chat) for chat in range(2000)], 10.0)
    assert len(sent) <= 30 + 30 * 10
    assert len(sent) >= 150  # the margin costs a part of it to a sender that asks one by one


def test_bots_do_not_share_buckets() -> None:
    pacing = Pacing(LIMITS)
    for _ in range(30):
        pacing.take(1, "-1", 0.0)
    assert pacing.bot_ready_at(1, 0.0) > 0.0
    assert pacing.bot_ready_at(2, 0.0) == 0.0


def test_a_full_bucket_says_exactly_when() -> None:
    pacing = Pacing(LIMITS)
    for _ in range(3):
        pacing.take(1, "5", 10.0)
    assert pacing.chat_ready_at(1, "5", 10.0) == pytest.approx(11.0 + MARGIN_SECONDS)


@dataclass(eq=False)
class Item:
    bot_id: int
    chat: str
    text: str
    rank: int = 0


def drain(queue: FairQueue[Item], now: float = 0.0) -> list[str]:
    """Take and finish one by one."""
    found = []
    while (item := queue.take(now)) is not None:
        found.append(item.text)
        queue.done(item)
    return found


def test_replies_go_before_bulk_and_each_chat_in_order() -> None:
    queue: FairQueue[Item] = FairQueue(per_bot=10)
    for text in ("b1", "b2"):
        queue.add(Item(1, "5", text, rank=1))
    queue.add(Item(1, "6", "b3", rank=1))
    queue.add(Item(1, "5", "r1"))
    queue.add(Item(1, "5", "r2"))
    assert drain(queue) == ["r1", "r2", "b1", "b3", "b2"]
    assert len(queue) == 0


def test_bots_take_turns() -> None:
    queue: FairQueue[Item] = FairQueue(per_bot=10)
    for number in range(50):
        queue.add(Item(1, str(number), "hot"))
    queue.add(Item(2, "1", "quiet"))
    assert "quiet" in drain(queue)[:2]


def test_one_message_of_a_chat_is_under_way_at_a_time() -> None:
    queue: FairQueue[Item] = FairQueue(per_bot=10)
    queue.add(Item(1, "5", "first"))
    queue.add(Item(1, "5", "second"))
    first = queue.take(0.0)
    assert first is not None
    assert queue.take(0.0) is None
    queue.done(first)
    assert drain(queue) == ["second"]


def test_a_retried_item_holds_up_its_chat_only() -> None:
    queue: FairQueue[Item] = FairQueue(per_bot=10)
    for text in ("first", "second"):
        queue.add(Item(1, "5", text))
    first = queue.take(0.0)
    assert first is not None
    queue.retry(first, 10.0)
    queue.add(Item(1, "6", "other"))
    assert drain(queue, 1.0) == ["other"]
    assert queue.next_wake() == 10.0
    assert drain(queue, 10.0) == ["first", "second"]


def test_a_bots_share_is_bounded() -> None:
    queue: FairQueue[Item] = FairQueue(per_bot=2)
    for number in range(5):
        queue.add(Item(1, str(number), "x"))
    taken = [queue.take(0.0) for _ in range(3)]
    assert [item is not None for item in taken] == [True, True, False]
    assert taken[0] is not None
    queue.done(taken[0])
    assert queue.take(0.0) is not None


def test_a_gate_may_hold_a_chat_or_the_whole_bot() -> None:
    held: dict[str, Wait] = {"5": Wait(3.0), "6": Wait(7.0, whole_bot=True)}
    queue: FairQueue[Item] = FairQueue(
        per_bot=10, gate=lambda item, now: held[item.chat] if now < held[item.chat].until else None
    )
    queue.add(Item(1, "5", "five"))
    assert drain(queue, 0.0) == []
    assert drain(queue, 3.0) == ["five"]
    queue.add(Item(1, "6", "six"))
    queue.add(Item(1, "5", "behind"))
    assert drain(queue, 4.0) == []
    assert drain(queue, 7.0) == ["six", "behind"]
    assert len(queue) == 0


def test_a_bot_held_by_its_limit_lets_earlier_ranks_pass_and_a_hold_of_those_covers_all() -> None:
    until = {"answer": 0.0, "reply": 50.0, "bulk": 0.0}
    queue: FairQueue[Item] = FairQueue(
        per_bot=10,
        gate=lambda item, now: Wait(until[item.text], whole_bot=True) if now < until[item.text] else None,
    )
    queue.add(Item(1, "5", "reply", rank=1))
    queue.add(Item(1, "6", "bulk", rank=2))
    assert drain(queue, 1.0) == []
    queue.add(Item(1, "a", "answer", rank=0))
    assert drain(queue, 2.0) == ["answer"]
    until["answer"] = 90.0
    queue.add(Item(1, "b", "answer", rank=0))
    assert drain(queue, 3.0) == []
    assert drain(queue, 60.0) == []
    assert drain(queue, 90.0) == ["answer", "reply", "bulk"]
    assert len(queue) == 0
