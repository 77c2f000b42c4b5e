"""Requests a second of `/go` with everything on, beside a bare Flask 302 and beside the plain design.

Four servers run at the same time and are asked in turns, so that a slow minute of the machine slows all of them: ours, ours
without the fast path (each click through Flask and Flask-Limiter), bare Flask, the plain design. The peers run on gunicorn's
own gevent worker. Everything on: tracking, rate limit counted, every click in Redis before its answer, a log line per click.
Sticky visitors are off.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from sqlalchemy import event

from app import create_app
from services.core.environment import load_settings
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.benchmarks.driving import measure
from tools.benchmarks.figures import Figure
from tools.benchmarks.fleet import make_fleet
from tools.benchmarks.load import PERSON, Load, Order
from tools.benchmarks.servers import Server, gunicorn, valkey

WARM_UP_SECONDS = 1.0
PEER_CONF = "tools/benchmarks/peers/gunicorn_conf.py"
BOTS = 6


@dataclass(frozen=True)
class Run:
    """One run against one server: what the driver saw, the worker's CPU time per request in microseconds, and meanwhile
    the clicks written to Redis and calls of the script.

    Unlike the rate, the CPU time does not depend on who else uses the machine.
    """

    load: Load
    cpu_us: float
    written: int
    script_calls: int

    @classmethod
    def of(cls, server: Server, seconds: float, redis: Redis) -> Run:
        """Measure `server` for so many seconds."""
        cpu, written, calls = server.cpu_seconds(), redis.xlen(keys.click_stream()), script_calls(redis)
        load = measure(Order(server.port, seconds))
        cpu_us = (server.cpu_seconds() - cpu) / max(1, load.answered) * 1e6
        return cls(load, cpu_us, redis.xlen(keys.click_stream()) - written, script_calls(redis) - calls)


@dataclass(frozen=True)
class Throughput:
    """All runs, and SQL statements per click."""

    ours: list[Run]
    view: list[Run]
    bare: list[Run]
    plain: list[Run]
    statements_per_click: float

    def figures(self) -> list[Figure]:
        """The first rows of the table."""
        rates = f"/go {_rate(self.ours)}, bare Flask {_rate(self.bare)}, plain {_rate(self.plain)}"
        view = f"/go through Flask and Flask-Limiter {_rate(self.view)}; {_trips(self.view)}"
        clicks = sum(run.load.answered for run in self.ours)
        trips = (
            f"{clicks:,} clicks answered, {sum(run.written for run in self.ours):,} in the stream; {_trips(self.ours)} "
            f"and {self.statements_per_click:.2f} SQL statements per click"
        )
        return [
            Figure(
                "/go over a bare Flask 302, requests/s", ratio(self.ours, self.bare), "", 1.4, 2, True, rates
            ),
            Figure(
                "the same with the fast path switched off",
                ratio(self.view, self.bare),
                "",
                0.4,
                0.6,
                True,
                view,
            ),
            Figure(
                "/go over the plain design, requests/s", ratio(self.ours, self.plain), "x", 8, 12, True, trips
            ),
        ]


def ratio(ours: list[Run], theirs: list[Run]) -> float:
    """The median over the rounds of our rate by theirs."""
    return statistics.median(our.load.rate / their.load.rate for our, their in zip(ours, theirs, strict=True))


def _rate(runs: list[Run]) -> str:
    rate = statistics.median(run.load.rate for run in runs)
    return f"{rate:,.0f}/s ({statistics.median(run.cpu_us for run in runs):.0f} us CPU)"


def _trips(runs: list[Run]) -> str:
    written = sum(run.written for run in runs)
    return f"{sum(run.script_calls for run in runs) / max(1, written):.3f} round trips"


def run(folder: Path, seconds: float, rounds: int) -> Throughput:
    """Measure so many rounds of so many seconds per server."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey(folder))
        environ = {"DATA_DIR": str(folder), "REDIS_URL": redis_url, "APP_ENV": "dev", "LOG_LEVEL": "INFO"}
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        make_fleet(platform, bots=BOTS)
        log = folder / "servers.log"
        ours = stack.enter_context(gunicorn("gunicorn.conf.py", "wsgi:app", environ, log))
        through_flask = {**environ, "FAST_PATH": "false"}
        view = stack.enter_context(gunicorn("gunicorn.conf.py", "wsgi:app", through_flask, log))
        bare = stack.enter_context(gunicorn(PEER_CONF, "tools.benchmarks.peers.bare_flask:app", environ, log))
        plain = stack.enter_context(gunicorn(PEER_CONF, "tools.benchmarks.peers.plain:app", environ, log))
        servers = (bare, ours, view, plain)
        for server in servers:
            measure(Order(server.port, min(WARM_UP_SECONDS, seconds)))
        runs = [[Run.of(server, seconds, platform.redis) for server in servers] for _ in range(rounds)]
        return Throughput(
            bare=[row[0] for row in runs],
            ours=[row[1] for row in runs],
            view=[row[2] for row in runs],
            plain=[row[3] for row in runs],
            statements_per_click=statements_per_click(platform),
        )


def script_calls(redis: Redis) -> int:
    """How often a script was called so far: nothing but clicks does in this set-up."""
    stats = redis.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


def statements_per_click(platform: Platform, clicks: int = 200) -> float:
    """SQL statements per click, counted at the engine of an application in this process."""
    app = create_app(platform)
    client = app.test_client(use_cookies=False)
    client.get("/go/red1", headers={"User-Agent": PERSON})
    statements: list[str] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for _ in range(clicks):
        client.get("/go/red1", headers={"User-Agent": PERSON})
    app.extensions["flotilla.redirector"].stop()
    return len(statements) / clicks
