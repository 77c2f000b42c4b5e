"""Few messages of a process are sent and not settled at one moment, in waves, and a Bot API far away holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from functools import partial

import pytest

from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.send_window import SendWindow, ShardSends
from tools.servers.sandbox import wait_until


class Entering:
    """Messages that want to enter a window, each from a thread of its own; `inside` are those that did, in order."""

    def __init__(self, window: SendWindow) -> None:
        self._window = window
        self.inside: list[int] = []
        self._threads: list[threading.Thread] = []

    def come(self, messages: Iterable[int], shard: int = 0) -> None:
        """Have them wait, one behind the other."""
        for message in messages:
            thread = threading.Thread(target=self._enter, args=(message, shard))
            self._threads.append(thread)
            thread.start()
            wait_until(partial(self._has_come, message))

    def _has_come(self, message: int) -> bool:
        queues = list(self._window._waiting.values())
        return message in self.inside or any(
            message == waiting for queue in queues for waiting, _ in list(queue)
        )

    def _enter(self, message: int, shard: int) -> None:
        self._window.enter(message, shard)
        self.inside.append(message)

    def settle(self, messages: Iterable[int]) -> None:
        """Telegram has answered them, and they are deleted."""
        for message in messages:
            self._window.answered(message)
            self._window.leave([message])

    def wait_for(self, messages: set[int]) -> None:
        """Until exactly these have entered."""
        wait_until(lambda: set(self.inside) == messages)

    def join(self) -> None:
        """Nobody waits any more."""
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


def test_who_finds_a_full_window_waits_until_all_in_it_are_settled() -> None:
    window = SendWindow(most=2, slow=60.0)
    entering = Entering(window)
    entering.come([1, 2, 3])
    window.answered(1)
    window.leave([1])
    time.sleep(0.05)
    assert entering.inside == [1, 2], "the wave is not over"
    window.answered(2)
    time.sleep(0.05)
    assert entering.inside == [1, 2], "one is sent and not settled"
    window.leave([2])
    entering.wait_for({1, 2, 3})
    entering.join()


def test_there_is_room_for_others_as_long_as_the_window_was_not_full() -> None:
    window = SendWindow(most=3, slow=60.0)
    entering = Entering(window)
    entering.come([1, 2])
    entering.settle([1])
    entering.come([3])
    entering.wait_for({1, 2, 3})
    entering.join()


def test_a_wave_is_of_one_shard_as_far_as_it_has_messages_and_no_shard_waits_for_ever() -> None:
    window = SendWindow(most=2, slow=60.0)
    entering = Entering(window)
    entering.come([1, 2])
    entering.come([10], shard=1)
    entering.come([20], shard=2)
    entering.come([11, 12, 13], shard=1)
    waves = ({1, 2}, {10, 11}, {20, 12}, {13})
    for number, wave in enumerate(waves):
        entering.wait_for(set().union(*waves[: number + 1]))
        entering.settle(wave)
    entering.join()


def test_what_was_answered_in_time_counts_until_it_is_settled() -> None:
    window = SendWindow(most=1, slow=0.01, unsettled=60.0)
    entering = Entering(window)
    window.enter(1, 0)
    window.answered(1)
    entering.come([2])
    time.sleep(0.1)
    assert not entering.inside
    window.leave([1])
    entering.wait_for({2})
    entering.join()


def test_what_cannot_be_settled_holds_up_nobody_for_long() -> None:
    window = SendWindow(most=1, slow=0.02, unsettled=0.2)
    window.enter(1, 0)
    window.answered(1)
    window.enter(2, 0)


def test_messages_that_telegram_refused_at_once_do_not_make_it_look_far_away() -> None:
    window = SendWindow(most=2, slow=60.0, far=60.0)
    for message in (1, 2):
        window.enter(message, 0)
    for message in (1, 2):
        window.leave([message])
    entering = Entering(window)
    entering.come([3, 4, 5])
    assert entering.inside == [3, 4]
    entering.settle([3, 4])
    entering.wait_for({3, 4, 5})
    entering.join()


def test_a_message_that_telegram_takes_long_for_leaves_its_room_to_others() -> None:
    window = SendWindow(most=2, slow=0.8)
    entering = Entering(window)
    entering.come([1, 2])
    entering.settle([2])
    began = time.monotonic()
    window.enter(3, 0)
    assert 0.1 < time.monotonic() - began < 5, "1 counts for a while and no longer"
    window.enter(4, 0)
    entering.come([5])
    time.sleep(0.05)
    assert 5 not in entering.inside, "2 was answered in time: Telegram is not far away"
    entering.settle([3, 4])
    entering.wait_for({1, 2, 5})
    entering.join()


def test_once_wave_after_wave_took_long_nobody_waits_for_a_while() -> None:
    window = SendWindow(most=2, slow=0.02, far=60.0, far_waves=3)
    entering = Entering(window)
    entering.come(range(12))
    entering.wait_for(set(range(12)))
    entering.settle(range(12))
    entering.join()


def test_one_slow_wave_is_a_machine_without_a_turn_to_spare() -> None:
    window = SendWindow(most=2, slow=0.02, far=60.0, far_waves=2)
    entering = Entering(window)
    for wave in ([1, 2], [3, 4], [5, 6]):  # the first and the third take long, and the second does not
        entering.come(wave)
        entering.wait_for(set(range(1, wave[-1] + 1)))
        if wave == [3, 4]:
            entering.settle(wave)
    entering.come([7, 8])
    entering.wait_for(set(range(1, 9)))
    window._slow = 60.0
    entering.come([9])
    time.sleep(0.05)
    assert 9 not in entering.inside, "the window is still closed when it is full"
    entering.settle([7, 8])
    entering.join()


def test_a_wave_that_is_not_full_says_nothing_of_how_far_telegram_is() -> None:
    """Nobody waits beside it, so nobody looks how long its answers take."""
    window = SendWindow(most=2, slow=0.02, far=60.0, far_waves=2)
    entering = Entering(window)
    entering.come([1, 2, 3])  # a slow wave
    entering.wait_for({1, 2, 3})
    entering.settle([3])  # one that is not full
    entering.come([4, 5, 6])  # a slow wave: the second in a row
    entering.wait_for(set(range(1, 7)))
    window._slow = 60.0
    entering.come([7, 8, 9])
    entering.wait_for(set(range(1, 10)))
    entering.join()


def test_after_that_while_the_window_is_tried_again() -> None:
    window = SendWindow(most=2, slow=0.02, far=0.1, far_waves=1)
    entering = Entering(window)
    entering.come([1, 2, 3])
    entering.wait_for({1, 2, 3})
    entering.join()
    time.sleep(0.2)
    for message in (4, 5):
        window.enter(message, 0)
    began = time.monotonic()
    window.enter(6, 0)
    assert time.monotonic() - began >= 0.01


@pytest.mark.parametrize("most", [1, 7])
def test_all_who_wait_come_in_and_never_are_more_inside(most: int) -> None:
    window, most_seen, inside, done = SendWindow(most=most, slow=60.0), [0], set[int](), []

    def come(message: int) -> None:
        window.enter(message, message % 3)
        inside.add(message)
        most_seen.append(len(inside))
        time.sleep(0.001)
        inside.discard(message)
        window.answered(message)
        window.leave([message])
        done.append(message)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(done) == list(range(60))
    assert max(most_seen) == most


def test_a_message_that_never_entered_may_leave() -> None:
    window = SendWindow(most=1, slow=60.0)
    window.leave([99])
    window.answered(99)
    window.enter(1, 0)
    window.leave([1])
    window.enter(2, 0)


def test_what_is_on_record_anyway_takes_no_room_and_waits_for_none() -> None:
    window = SendWindow(most=1, slow=60.0)
    sends = ShardSends(window, 0)
    call = '{"method": "sendMessage", "params": {}, "then": {"broadcast": 7}}'
    broadcast = OutboxMessage("1-0", 1, "5", 1, "r", call)
    reply = OutboxMessage("2-0", 1, "5", 1, "r", '{"method": "sendMessage", "params": {}}')
    sends.enter(reply)
    sends.enter(broadcast)
    sends.answered(broadcast)
    sends.leave([broadcast, reply])
    sends.enter(OutboxMessage("3-0", 1, "5", 1, "r", reply.text))


def test_a_shard_that_ends_leaves_its_room_to_others() -> None:
    window = SendWindow(most=1, slow=60.0)
    sends = ShardSends(window, 0)
    sends.enter(OutboxMessage("1-0", 1, "5", 1, "r", '{"method": "sendMessage", "params": {}}'))
    sends.end()
    window.enter(1, 1)
