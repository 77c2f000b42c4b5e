"""One run: start the installation, attack it wave by wave, wait until it comes to rest, check."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from chaos.book import Book, Incident
from chaos.checker import Verdict, check
from chaos.faults import Fault
from chaos.installation import Installation, installation
from chaos.load import Load, Told
from chaos.plan import Plan
from chaos.remains import remains
from chaos.schedule import Wave, schedule

CRASHES = (("inbound", "drain.before_commit"), ("outbound", "send.after_http"))
REST_SECONDS = 30.0  # after the last fault nothing may be left


def run(folder: Path, plan: Plan, say: Callable[[str], None]) -> Verdict:
    """Do what the plan says; `say` gets lines of progress."""
    began = time.monotonic()
    with installation(folder, plan) as place:
        book = Book(place)
        load = Load(place.telegram, list(place.bots), plan)
        try:
            waves = schedule(plan, CRASHES if plan.away_seconds else ())
            say(
                f"installation up after {time.monotonic() - began:.0f} s; {len(waves)} waves, seed {plan.seed}"
            )
            for number, wave in enumerate(waves, start=1):
                _ride(place, book, load, plan, wave, random.Random(plan.seed * 1000 + number))
                _progress(say, number, len(waves), book, load, began)
            left, seconds = _rest(place, book)
            return check(place, plan, book, load, left, seconds)
        finally:
            book.close()


def _ride(place: Installation, book: Book, load: Load, plan: Plan, wave: Wave, chance: random.Random) -> None:
    """Send the wave in, attack meanwhile, wait until it is answered."""
    sender = threading.Thread(target=load.wave, args=(wave.updates, plan.wave_seconds, wave.special))
    began = time.monotonic()
    sender.start()
    for offset, fault in wave.faults:
        time.sleep(max(0.0, began + offset - time.monotonic()))
        _attack(place, book, chance, fault)
    sender.join()
    if wave.special == "die":  # three deaths take their time: the next wave comes meanwhile
        return
    deadline = time.monotonic() + plan.patience
    while time.monotonic() < deadline and _unanswered(load.told, book, wave):
        time.sleep(0.1)


def _attack(place: Installation, book: Book, chance: random.Random, fault: Fault) -> None:
    fault(place, book, chance)


def _unanswered(told: list[Told], book: Book, wave: Wave) -> bool:
    """Whether somebody still waits, beside those behind an update that fails or kills."""
    held = {(each.bot, each.chat) for each in told[-wave.updates :] if each.word != "tell"}
    return any(
        each.word == "tell" and each.reply not in book.texts and (each.bot, each.chat) not in held
        for each in told[-wave.updates :]
    )


def _progress(
    say: Callable[[str], None], number: int, waves: int, book: Book, load: Load, began: float
) -> None:
    latest: list[Incident] = book.incidents[-3:]
    words = ", ".join(f"{each.name} {each.victim}" for each in latest)
    waiting = sum(each.word == "tell" and each.reply not in book.texts for each in load.told)
    say(
        f"{number}/{waves} · {time.monotonic() - began:.0f} s · {len(load.told):,} sent in, {waiting} unanswered · {words}"
    )


def _rest(place: Installation, book: Book) -> tuple[dict[str, int], float]:
    """Wait until nothing is left; what is left after REST_SECONDS, and how long it took from the last fault."""
    while True:
        # An update that ends its process is a fault as well, and may do so after all others.
        last = max(place.keeper.last_death, *(incident.until for incident in book.incidents))
        left = remains(place)
        if not left or time.time() > last + REST_SECONDS:
            book.look()
            return left, time.time() - last
        time.sleep(0.25)
