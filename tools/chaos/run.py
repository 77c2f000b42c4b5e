"""One run: start the installation, attack it wave by wave, wait until it comes to rest, check."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tools.chaos.checker import Verdict, check
from tools.chaos.installation import Installation, installation
from tools.chaos.leftovers import leftovers
from tools.chaos.load import Load, Told
from tools.chaos.plan import Plan
from tools.chaos.progress import Progress
from tools.chaos.recorder import Recorder
from tools.chaos.recovery import HELD_SECONDS
from tools.chaos.schedule import Wave, schedule

REST_SECONDS = 30.0  # after the last fault nothing may be left


def run(folder: Path, plan: Plan, say: Callable[[str], None]) -> Verdict:
    """Do what the plan says; `say` gets lines of progress."""
    began = time.monotonic()
    with installation(folder, plan) as place:
        book = Recorder(place)
        load = Load(place.telegram, list(place.bots), plan)
        try:
            waves = schedule(plan)
            progress = Progress(plan, waves, say, time.monotonic() - began)
            for number, wave in enumerate(waves, start=1):
                late = _ride(place, book, load, plan, wave, random.Random(plan.seed * 1000 + number))
                progress.tell(number, book, load)
                if late:
                    say(f"  still unanswered: {', '.join(f'{each.bot} {each.text}' for each in late[:5])}")
            say(f"all waves are in; waiting until everything rests, {REST_SECONDS:g} s at most")
            left, seconds = _rest(place, book)
            say(f"checking {len(load.told):,} updates")
            return check(place, book, load, left, seconds)
        finally:
            book.close()


def _ride(
    place: Installation, book: Recorder, load: Load, plan: Plan, wave: Wave, chance: random.Random
) -> list[Told]:
    """Send the wave in, attack meanwhile, wait until it is answered; what was not in spite of all patience."""
    sender = threading.Thread(
        target=load.wave,
        args=(wave.updates, wave.seconds or plan.wave_seconds, wave.special),
        kwargs={"slowly": wave.slowly},
    )
    if wave.before is not None:
        wave.before(place)
    began = time.monotonic()
    sender.start()
    for offset, fault in wave.faults:
        time.sleep(max(0.0, began + offset - time.monotonic()))
        fault(place, book, chance)
    sender.join()
    deadline = time.monotonic() + plan.patience
    while (waiting := _unanswered(load.told, book, wave, place.careful)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return waiting


def _unanswered(told: list[Told], book: Recorder, wave: Wave, careful: frozenset[str]) -> list[Told]:
    """Who of the wave still waits, beside those behind an update that fails or kills, and whose answer may be parked."""
    recent = [each for each in told if each.at > time.time() - HELD_SECONDS]
    held = {(each.bot, each.chat) for each in recent if each.word != "tell"}
    return [
        each
        for each in told[-wave.updates :]
        if each.word == "tell"
        and each.reply not in book.texts
        and each.bot not in careful
        and (each.bot, each.chat) not in held
    ]


def _rest(place: Installation, book: Recorder) -> tuple[dict[str, int], float]:
    """Wait until nothing is left; what is left after REST_SECONDS, and how long it took from the last fault."""
    while True:
        # An update that ends its process is a fault as well, and may do so after all others.
        last = max(place.keeper.last_death, *(incident.until for incident in book.incidents))
        left = leftovers(place)
        if not left or time.time() > last + REST_SECONDS:
            book.look()
            return left, time.time() - last
        time.sleep(0.25)
