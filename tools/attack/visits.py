"""Somebody healthy beside an attack: clicks on a link, one after the other, all the while."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tools.attack.client import Client
from tools.attack.target import PERSON, Target

PAUSE_SECONDS = 0.02


@dataclass
class Visits:
    """The clicks of a visitor so far: what each was answered (0: nothing), and after how many seconds."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def all_redirected(self) -> bool:
        """Whether there were any, each answered with 302."""
        return bool(self.statuses) and set(self.statuses) == {302}

    @property
    def figure(self) -> str:
        """In a few words."""
        counts = ", ".join(f"{self.statuses.count(status)} x {status or 'nothing'}" for status in sorted(set(self.statuses)))
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
            click(client, target.ana.slug, visits)
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


def click(client: Client, slug: str, visits: Visits) -> None:
    """One click."""
    began = time.perf_counter()
    try:
        visits.statuses.append(client.get(f"/go/{slug}").status)
    except (OSError, http.client.HTTPException):
        visits.statuses.append(0)
    visits.seconds.append(time.perf_counter() - began)
