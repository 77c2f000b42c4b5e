"""A bot dies under paid traffic: how long after its death does the last visitor still get sent to it?

A whole installation with default settings, steady clicks. Three kinds of bots die one after the other: one that talks (its
next message meets the 401), one that polls, and a quiet one with a webhook, which nothing but the sweep looks at. Times
count from the moment the token is refused to the last answer that named the bot.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from models import MemberStatus, PoolBot
from tools.benchmarks.driving import driving
from tools.benchmarks.figures import Figure
from tools.benchmarks.installation import Installation, installation, seed
from tools.benchmarks.load import Load, Order

BOTS = 30  # most of them stay alive to the end
POLLING = 5
TALKING = 5
CHAT_SECONDS = 1.0  # between two messages to a talking bot
SETTLE_SECONDS = 3.0
SLOWEST_SECONDS = 40.0  # nobody serves a dead bot longer than this, or the figure is missed anyway
KINDS = ("talking", "polling", "quiet")


@dataclass(frozen=True)
class Death:
    """A bot's death and the last click answered with it, in seconds of the monotonic clock."""

    kind: str
    username: str
    died_at: float
    last_click_at: float
    clicks: int

    @property
    def seconds(self) -> float:
        """How long it still got visitors."""
        return max(0.0, self.last_click_at - self.died_at)


@dataclass(frozen=True)
class Failover:
    """All deaths."""

    deaths: list[Death]
    load: Load

    def figures(self) -> list[Figure]:
        """The row of the table: the worst death."""
        kinds = {kind: [death for death in self.deaths if death.kind == kind] for kind in KINDS}
        detail = "; ".join(
            f"{kind} " + ", ".join(f"{death.seconds:.1f} s" for death in deaths)
            for kind, deaths in kinds.items()
            if deaths
        )
        wasted = sum(death.clicks for death in self.deaths)
        worst = round(max(death.seconds for death in self.deaths), 2)
        detail += f"; {wasted:,} of {self.load.asked:,} clicks went to the dead"
        return [
            Figure(
                "a bot answering 401: last click sent to it after its death", worst, "s", 20, 8, detail=detail
            )
        ]


def run(folder: Path, each: int, rate: float = 200, kinds: tuple[str, ...] = KINDS) -> Failover:
    """Let `each` bots of every kind die."""
    with installation(folder) as home:
        bots = seed(home, BOTS, POLLING).bots
        talking, quiet, polling = bots[:TALKING], bots[TALKING:-POLLING], bots[-POLLING:]
        victims = {"talking": talking, "polling": polling, "quiet": quiet}
        deaths: list[tuple[str, dict[str, Any], float]] = []
        with chatting(home, talking), driving(Order(home.port, 3600, rate=rate, traced=True)) as driver:
            time.sleep(SETTLE_SECONDS)
            for number in range(each):
                for kind in kinds:
                    time.sleep(random.uniform(0, home.platform.settings.health_interval_seconds))
                    deaths.append((kind, victims[kind][number], _kill(home, victims[kind][number])))
            load = driver.finish()
        return Failover([_death(load, kind, bot, at) for kind, bot, at in deaths], load)


def _kill(home: Installation, bot: dict[str, Any]) -> float:
    """Revoke the bot and wait until it is out of the rotation; when it died. It stays dead: revival takes minutes."""
    died_at = time.monotonic()
    home.telegram.post(f"/bots/{bot['id']}/revoke")
    deadline = died_at + SLOWEST_SECONDS
    while time.monotonic() < deadline and _is_served(home, bot["row_id"]):
        time.sleep(0.2)
    time.sleep(1.0)  # for the last clicks
    return died_at


def _is_served(home: Installation, bot_id: int) -> bool:
    with home.platform.database.reading() as session:
        status = session.scalar(select(PoolBot.status).where(PoolBot.bot_id == bot_id))
    return status in (MemberStatus.ONLINE, MemberStatus.DEGRADED)


def _death(load: Load, kind: str, bot: dict[str, Any], died_at: float) -> Death:
    mark = f"/{bot['username']}?"
    after = [answered for _, answered, location in load.trace if mark in location and answered > died_at]
    return Death(kind, bot["username"], died_at, max(after, default=died_at), len(after))


@contextmanager
def chatting(home: Installation, bots: list[dict[str, Any]]) -> Iterator[None]:
    """Have a person write to each of these bots every second."""
    ended = threading.Event()
    user = home.telegram.post("/users")["users"][0]

    def chat() -> None:
        while not ended.wait(CHAT_SECONDS):
            for bot in bots:
                home.telegram.post(f"/chats/{user['id']}/{bot['id']}/send", text="oi")

    thread = threading.Thread(target=chat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)
