"""One upgrade: found the former release, let people write and click, roll, wait until it rests, judge, print."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.chaos.checker import Invariant
from tools.chaos.leftovers import leftovers
from tools.chaos.load import Load
from tools.chaos.plan import Plan
from tools.chaos.recorder import Recorder
from tools.chaos.report import table
from tools.chaos.upgrade.clicks import Visitors
from tools.chaos.upgrade.former import Release
from tools.chaos.upgrade.founding import SLUG, Upgraded, upgraded
from tools.chaos.upgrade.rolling import STEADY_SECONDS, roll
from tools.chaos.upgrade.verdict import judge, stored, waits

REST_SECONDS = 180.0  # a machine that is short of time works off the rest afterwards


@dataclass(frozen=True)
class Size:
    """How much traffic, and how long between steps (s)."""

    clicks: float = 200.0  # per s
    updates: int = 100  # per s
    steady: float = STEADY_SECONDS
    is_told: bool = True  # the balancer is told before a web process ends


def run(
    folder: Path, plan: Plan, size: Size, releases: tuple[Release, Release], say: Callable[[str], None]
) -> list[Invariant]:
    """Do it; `say` gets lines of progress and figures."""
    former, after = releases
    say(f"{former.name}, schema {former.schema} -> {after.name}, schema {after.schema}; {plan.database}")
    with upgraded(folder, plan, *releases) as place:
        book = Recorder(place)
        load = Load(place.telegram, list(place.bots), plan)
        visitors = Visitors(place.port, f"/go/{SLUG}", size.clicks)
        try:
            say(f"serving; now {size.clicks:g} clicks/s and {size.updates} updates/s")
            with _writing(load, size.updates):
                visitors.start()
                course = roll(place, say, size.steady, size.is_told)
                visitors.stop()
            left = _rest(place, load, book, visitors)
            _tell(say, visitors, load, course.began, course.ended)
            if not course.former_stayed_ready:
                say("note: the former release's /health/ready was 503 on the next one's schema")
            return judge(place, book, load, visitors.answers, course, left)
        finally:
            visitors.stop()
            book.close()


def show(invariants: list[Invariant]) -> str:
    """The table."""
    return "\n".join(table(invariants))


@contextmanager
def _writing(load: Load, per_second: int) -> Iterator[None]:
    """People write during the block."""
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            load.wave(per_second, 1.0)

    writer = threading.Thread(target=write, daemon=True, name="people")
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def _rest(place: Upgraded, load: Load, book: Recorder, visitors: Visitors) -> dict[str, int]:
    """Wait until every text is answered, every click a row, and nothing left; what is left after REST_SECONDS."""
    deadline = time.monotonic() + REST_SECONDS
    while True:
        left = leftovers(place)
        book.look()
        unanswered = sum(each.reply not in book.texts for each in load.told)
        told = {each.click for each in visitors.answers if each.click}
        missing = len(told - stored(place).rows)
        if not (left or unanswered or missing) or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


def _tell(say: Callable[[str], None], visitors: Visitors, load: Load, began: float, ended: float) -> None:
    say(f"roll of {ended - began:.0f} s: {len(visitors.answers):,} clicks, {len(load.told):,} updates")
    say(f"clicks from when they were due: {waits(visitors.answers, began, ended)}")
    say(f"load average {os.getloadavg()[0]:.1f}")
