"""A member is switched off by the API: when is the last click answered that ignored it?

Two web processes under steady clicks; only one of them hears the request. Times count from the API's answer 200 to the
last answer that named the member, zero when there was none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tools.benchmarks.driving import driving
from tools.benchmarks.figures import Figure
from tools.benchmarks.installation import Fleet, Installation, api_key, installation, seed
from tools.benchmarks.load import Load, Order

BOTS = 6
PROCESSES = 2
REST_SECONDS = 1.3  # longer than the ticker's second, so that a change that came by it is seen as late


@dataclass(frozen=True)
class Changes:
    """Per change: seconds to the last click that ignored it, from the API's answer and from the request; how many did."""

    delays: list[float]
    from_request: list[float]
    ignored: list[int]
    load: Load

    def figures(self) -> list[Figure]:
        """The row of the table: the worst change."""
        detail = (
            f"{len(self.delays)} changes during {self.load.asked:,} clicks in {PROCESSES} web processes; "
            f"{sum(self.ignored)} clicks ignored one; from the request's sending {max(self.from_request):.3f} s"
        )
        worst = round(max(self.delays), 3)
        return [Figure("state change to the last click that ignored it", worst, "s", 1, 0.3, detail=detail)]


def run(folder: Path, changes: int, rate: float = 300) -> Changes:
    """Switch members off so many times in a house of its own."""
    with installation(folder, WEB_CONCURRENCY=str(PROCESSES)) as home:
        return run_in(home, seed(home, BOTS), changes, rate)


def run_in(home: Installation, fleet: Fleet, changes: int, rate: float) -> Changes:
    """Switch members off so many times, one at a time."""
    made: list[tuple[float, float, float, str]] = []  # request, the API's answer, back on again, username
    key = api_key(home, fleet.caller)
    with driving(Order(home.port, 3600, rate=rate, traced=True)) as driver:
        time.sleep(REST_SECONDS)
        for number in range(changes):
            bot = fleet.bots[number % len(fleet.bots)]
            path = f"/api/redirect-pools/{fleet.pool_id}/bots/{bot['row_id']}"
            asked_at = time.monotonic()
            status, answer = home.ask("PATCH", path, key, {"is_enabled": False})
            off_at = time.monotonic()
            if status != 200:
                raise RuntimeError(f"the API answered {status}: {answer[:200]!r}")
            time.sleep(REST_SECONDS)
            on_at = time.monotonic()
            home.ask("PATCH", path, key, {"is_enabled": True})
            made.append((asked_at, off_at, on_at, bot["username"]))
        load = driver.finish()
    return Changes(
        [_last(load, name, off, on) for _, off, on, name in made],
        [_last(load, name, asked, on) for asked, _, on, name in made],
        [len(_named(load, name, off, on)) for _, off, on, name in made],
        load,
    )


def _named(load: Load, username: str, since: float, until: float) -> list[float]:
    """When answers named the bot between these times."""
    mark = f"/{username}?"
    return [at for _, at, location in load.trace if mark in location and since < at < until]


def _last(load: Load, username: str, since: float, until: float) -> float:
    """Seconds from `since` to the last such answer; zero without one."""
    return max(_named(load, username, since, until), default=since) - since
