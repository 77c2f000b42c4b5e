"""Who is next: order in a chat, callbacks before the rest, bots by turns."""

from __future__ import annotations

from dataclasses import dataclass

from services.queueing.fair_queue import FairQueue
from services.queueing.lanes import is_urgent


@dataclass(frozen=True)
class Item:
    bot_id: int
    chat: str
    name: str
    rank: int = 1


def served(queue: FairQueue[Item], number: int = 1000) -> list[str]:
    """The order of service, one at a time."""
    names: list[str] = []
    while len(names) < number and (item := queue.take(0.0)) is not None:
        names.append(item.name)
        queue.done(item)
    return names


def test_a_callback_overtakes_other_chats_but_not_its_own() -> None:
    queue = FairQueue[Item](per_bot=4, in_order=True)
    for chat in "abc":
        queue.add(Item(1, chat, f"{chat}1"))
        queue.add(Item(1, chat, f"{chat}2"))
    queue.add(Item(1, "b", "b tap", rank=0))
    queue.add(Item(1, "d", "d tap", rank=0))
    order = served(queue)
    assert order[0] == "d tap"
    assert [name for name in order if name[0] == "b"] == ["b1", "b2", "b tap"]
    assert order.index("b tap") == order.index("b2") + 1


def test_a_hot_bot_delays_another_by_one_turn() -> None:
    queue = FairQueue[Item](per_bot=16, in_order=True)
    for number in range(10_000):
        queue.add(Item(1, str(number), "hot"))
    assert served(queue, 100) == ["hot"] * 100
    for number in range(3):
        queue.add(Item(2, str(number), "quiet"))
    order = served(queue, 8)
    assert [place for place, name in enumerate(order) if name == "quiet"] == [1, 3, 5]


def test_only_the_kind_of_an_update_makes_it_urgent() -> None:
    assert is_urgent('{"update_id":1,"callback_query":{"id":"1"}}')
    assert is_urgent('{"update_id": 1, "pre_checkout_query": {"id": "1"}}')
    assert not is_urgent('{"update_id":1,"message":{"text":"callback_query"}}')
    assert not is_urgent('{"update_id":1,"message":{"text":"\\"callback_query\\":"}}')


def test_a_bot_with_one_turn_at_a_time_is_served_and_forgotten_whatever_its_ranks() -> None:
    queue = FairQueue[Item](per_bot=1)
    queue.add(Item(1, "a", "bulk", rank=1))
    queue.add(Item(1, "a", "reply", rank=0))  # the chat is listed under both ranks now
    assert served(queue) == ["reply", "bulk"]
    assert (len(queue), queue.startable(0.0)) == (0, False)
    queue.add(Item(1, "a", "later"))
    assert served(queue) == ["later"]
