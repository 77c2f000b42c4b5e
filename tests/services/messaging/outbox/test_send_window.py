"""Few messages of a process are sent and not settled at one moment, and a slow Bot API holds up nobody."""

from __future__ import annotations

import threading
import time

from services.messaging.outbox.send_window import SendWindow
from tools.servers.sandbox import wait_until


def test_who_finds_no_room_waits_until_one_is_settled() -> None:
    window, inside = SendWindow(most=2, slow=60.0), []
    for number in (1, 2):
        window.enter(number)
    window.answered(1)

    def third() -> None:
        window.enter(3)
        inside.append(3)

    waiting = threading.Thread(target=third)
    waiting.start()
    time.sleep(0.05)
    assert not inside, "one is on its way, one is not settled"
    window.leave(1)
    waiting.join(5)
    assert inside == [3]


def test_what_telegram_takes_long_for_leaves_its_room_to_others_until_it_answers() -> None:
    window = SendWindow(most=1, slow=0.02)
    window.enter(1)
    began = time.monotonic()
    window.enter(2)
    assert time.monotonic() - began >= 0.015
    for number in (1, 2):
        window.answered(number)
    entered = threading.Event()

    def third() -> None:
        window.enter(3)
        entered.set()

    waiting = threading.Thread(target=third)
    waiting.start()
    assert not entered.wait(0.1), "both are sent and not settled"
    for number in (1, 2):
        window.leave(number)
    waiting.join(5)
    assert entered.is_set()


def test_all_who_wait_come_in_as_room_is_made() -> None:
    window, inside = SendWindow(most=1, slow=60.0), []

    def come(number: int) -> None:
        window.enter(number)
        inside.append(number)
        window.answered(number)
        window.leave(number)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(inside) == 20)
    for thread in threads:
        thread.join(5)
    window.leave(99)
    window.enter(100)
