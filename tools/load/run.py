"""One run: start the installation, let the visitors come, wait until it rests, count on both sides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select

from launch.programs import ROOT
from models import Click, Lead
from services.core.child_processes import tied_to_parent
from services.platform.redis import keys
from tools.chaos.installation import until
from tools.load.installation import Installation, installation
from tools.load.journey import Book, Order
from tools.load.plan import LINKS, Plan

PARTING_SECONDS = 90.0  # of the visitors' process over the order's time


@dataclass(frozen=True)
class Outcome:
    """What both sides saw. Times in ms; load averages are of the last minute, before and after."""

    plan: Plan
    book: Book
    webhook_ms: list[float]
    updates: int  # that the webhook accepted
    retried: int  # deliveries that the webhook did not accept
    waiting: int  # clicks that still wait to be stored: late, not lost
    clicks: tuple[int, int]  # rows, of each link
    leads: int
    replies: int  # messages that the bots sent
    load_before: float
    load_after: float


def run(folder: Path, plan: Plan, locust: Path | None, say: Callable[[str], None]) -> Outcome:
    """Do what the plan says, by locust's program or, without it, by the plain visitors; `say` gets lines of progress."""
    before = os.getloadavg()[0]
    with installation(folder, plan) as place:
        say(f"{sum(plan.bots)} bots are set up; {plan.visitors:,} visitors come, {plan.rate:g} a second")
        book = _visitors(folder, place, plan, locust)
        say(f"{len(book.clicks):,} clicks, {book.texts:,} texts in {book.seconds:.0f} s; waiting for rest")
        _rest(place, book, plan.settle_seconds)
        stats = place.telegram.get("/stats")
        times = [each * 1000 for each in place.telegram.get("/webhook-times")["seconds"]]
        waiting = int(place.platform.redis.xlen(keys.click_stream()))  # before the rows: none counts as lost
        clicks, leads = _rows(place)
        return Outcome(
            plan,
            book,
            times,
            int(stats["updates_delivered"]),
            int(stats["updates_retried"]),
            waiting,
            clicks,
            leads,
            _replies(place),
            before,
            os.getloadavg()[0],
        )


def _visitors(folder: Path, place: Installation, plan: Plan, locust: Path | None) -> Book:
    order = Order(place.web, place.telegram.url, LINKS, place.persons, plan.visitors, plan.rate, plan.seconds)
    file = folder / "book.json"
    limit = plan.seconds + PARTING_SECONDS
    command = [sys.executable, "-m", "tools.load.plain"]
    if locust:
        options = f"-f tools/load/locustfile.py --headless -u 1 -r 1 --only-summary --stop-timeout 5 -t {limit:.0f}s"
        command = [str(locust), *options.split()]
    environ = {**os.environ, "LOAD_ORDER": json.dumps(asdict(order)), "LOAD_BOOK": str(file)}
    with (folder / "visitors.log").open("wb") as log:
        subprocess.run(
            tied_to_parent(command),
            cwd=ROOT,
            env={**environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            timeout=limit + 30,
            check=False,
        )
    if not file.exists():
        tail = (folder / "visitors.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the visitors wrote nothing down: {tail}")
    told = json.loads(file.read_text())
    return Book(
        **{**told, "clicks": [(str(slug), int(status), float(ms)) for slug, status, ms in told["clicks"]]}
    )


def _rest(place: Installation, book: Book, seconds: float) -> None:
    """Wait until all that was accepted is answered and stored, or the time is over: the table says what is missing."""
    redirected = sum(status == 302 for _, status, _ in book.clicks)
    wanted = book.starts + book.texts
    deadline = time.monotonic() + seconds

    def is_done() -> bool:
        done = _replies(place) >= wanted and sum(_rows(place)[0]) >= redirected
        return done or time.monotonic() > deadline - 1

    until(is_done, "it did not come to rest", seconds)


def _replies(place: Installation) -> int:
    return int(place.telegram.get("/stats")["sent"])


def _rows(place: Installation) -> tuple[tuple[int, int], int]:
    with place.platform.database.reading() as session:
        many, few = (
            session.scalar(select(func.count()).select_from(Click).where(Click.pool_id == pool)) or 0
            for pool in place.pools
        )
        leads = session.scalar(select(func.count()).select_from(Lead)) or 0
    return (many, few), leads
