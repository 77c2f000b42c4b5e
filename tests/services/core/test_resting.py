"""Long work in a process that answers people: it pauses, and begins no piece while an answer is on its way."""

from __future__ import annotations

import threading
import time

from services.core.resting import FACTOR, LONGEST_SECONDS, PIECE_SECONDS, Answering, answering, make_way, rest


def test_a_pause_befits_the_piece_before_it() -> None:
    began = time.monotonic()
    assert rest(began) == began, "too little for a pause"
    worked = 2 * PIECE_SECONDS
    after = rest(time.monotonic() - worked)
    assert after - began >= worked * FACTOR


def test_somebody_is_being_answered_until_no_step_follows() -> None:
    person = Answering()
    assert not person.is_on
    person.note()
    assert person.is_on
    time.sleep(LONGEST_SECONDS)
    assert not person.is_on


def test_a_piece_waits_for_answers_but_not_for_ever() -> None:
    over = threading.Event()

    def answer() -> None:
        while not over.is_set():
            answering.note()
            time.sleep(0.0005)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        time.sleep(0.005)
        began = time.monotonic()
        assert make_way() - began >= LONGEST_SECONDS
    finally:
        over.set()
        thread.join()
    make_way()
    assert not answering.is_on
