"""Somebody healthy beside an attack: clicks on a link, one after the other, all the while."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from models import Click
from tools.attack.client import Client
from tools.attack.target import PERSON, Target

PAUSE_SECONDS = 0.02
STORED_SECONDS = 20.0


@dataclass
class Visits:
    """The clicks of a visitor so far: what each was answered (0: nothing), and after how many seconds; all carry `mark`."""

    mark: str = field(default_factory=lambda: secrets.token_hex(6))
    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def all_redirected(self) -> bool:
        """Whether there were any, each answered with 302."""
        return bool(self.statuses) and set(self.statuses) == {302}

    @property
    def figure(self) -> str:
        """In a few words."""
        counts = ", ".join(
            f"{self.statuses.count(status)} x {status or 'nothing'}" for status in sorted(set(self.statuses))
        )
        return f"clicks {counts or 'none'}, median {self.median * 1000:.0f} ms, slowest {max(self.seconds, default=0) * 1000:.0f} ms"

    @property
    def median(self) -> float:
        """Seconds until an answer; 0 without clicks."""
        return sorted(self.seconds)[len(self.seconds) // 2] if self.seconds else 0.0


@contextmanager
def visiting(target: Target, source: str = "127.0.0.1", *, anew: bool = False) -> Iterator[Visits]:
    """Clicks on the first tenant's link as long as the block runs; with `anew`, each over a new connection."""
    visits, ended = Visits(), threading.Event()

    def visit() -> None:
        client = target.client(source, User_Agent=PERSON)
        while not ended.wait(PAUSE_SECONDS):
            click(client, f"/go/{target.ana.slug}?utm_source={visits.mark}", visits)
            if anew:
                client.close()
        client.close()

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()
    try:
        yield visits
    finally:
        ended.set()
        thread.join()


def stored(target: Target, visits: Visits, seconds: float = STORED_SECONDS) -> int:
    """How many of the clicks are rows once all are, or once no more have come for so many seconds."""
    last, deadline = 0, time.monotonic() + seconds
    while last < len(visits.statuses) and time.monotonic() < deadline:
        try:
            now = _rows(target, visits.mark)
        except SQLAlchemyError:
            now = last  # it has just come back, and connections of before are dead
        if now != last:
            last, deadline = now, time.monotonic() + seconds
        time.sleep(0.1)
    return last


def _rows(target: Target, mark: str) -> int:
    with target.platform.database.reading() as session:
        mine = select(Click.params).where(Click.account_id == target.ana.account)
        return sum(params.get("utm_source") == mark for params in session.scalars(mine))


def click(client: Client, path: str, visits: Visits) -> None:
    """One click."""
    began = time.perf_counter()
    try:
        visits.statuses.append(client.get(path).status)
    except (OSError, http.client.HTTPException):
        visits.statuses.append(0)
    visits.seconds.append(time.perf_counter() - began)
