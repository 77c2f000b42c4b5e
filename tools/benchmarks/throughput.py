"""Requests a second of `/go` with everything on, beside a bare Flask 302 and beside the plain design.

The three servers run at the same time under the same gunicorn settings and are asked in turns, so that a slow minute of
the machine slows all of them. Everything on: tracking, rate limit counted, every click in Redis before its answer, a log
line per click. Sticky visitors are off.
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
    """One run against one server: what the driver saw, and the worker's CPU time per request in microseconds.

    Unlike the rate, the CPU time does not depend on who else uses the machine.
    """

    load: Load
    cpu_us: float

    @classmethod
    def of(cls, server: Server, seconds: float) -> Run:
        """Measure `server` for so many seconds."""
        before = server.cpu_seconds()
        load = measure(Order(server.port, seconds))
        return cls(load, (server.cpu_seconds() - before) / max(1, load.answered) * 1e6)


@dataclass(frozen=True)
class Throughput:
    """All runs; clicks written to Redis and calls of the script during ours; SQL statements per click."""

    ours: list[Run]
    bare: list[Run]
    plain: list[Run]
    written: int
    script_calls: int
    statements_per_click: float

    def figures(self) -> list[Figure]:
        """The first two rows of the table."""
        clicks = sum(run.load.answered for run in self.ours)
        cpu = ", ".join(
            f"{name} {statistics.median(run.load.rate for run in runs):,.0f}/s ({statistics.median(run.cpu_us for run in runs):.0f} us CPU)"
            for name, runs in (("/go", self.ours), ("bare Flask", self.bare), ("plain", self.plain))
        )
        trips = (
            f"{clicks:,} clicks answered, {self.written:,} in the stream; {self.script_calls / self.written:.3f} round "
            f"trips and {self.statements_per_click:.2f} SQL statements per click"
        )
        bare, plain = ratio(self.ours, self.bare), ratio(self.ours, self.plain)
        return [
            Figure("/go over a bare Flask 302, requests/s", bare, "", 0.5, 0.75, True, cpu),
            Figure("/go over the plain design, requests/s", plain, "x", 8, 12, True, trips),
        ]


def ratio(ours: list[Run], theirs: list[Run]) -> float:
    """The median over the rounds of our rate by theirs."""
    return statistics.median(our.load.rate / their.load.rate for our, their in zip(ours, theirs, strict=True))


def run(folder: Path, seconds: float, rounds: int) -> Throughput:
    """Measure so many rounds of so many seconds per server."""
    with ExitStack() as stack:
        redis_url = stack.enter_context(valkey(folder))
        environ = {"DATA_DIR": str(folder), "REDIS_URL": redis_url, "APP_ENV": "dev", "LOG_LEVEL": "INFO"}
        platform = Platform(load_settings(environ))
        schema.upgrade(platform.database)
        make_fleet(platform, bots=BOTS)
        log = folder / "servers.log"
        ours = stack.enter_context(gunicorn("gunicorn.conf.py", "wsgi:app", environ, log))
        bare = stack.enter_context(gunicorn(PEER_CONF, "tools.benchmarks.peers.bare_flask:app", environ, log))
        plain = stack.enter_context(gunicorn(PEER_CONF, "tools.benchmarks.peers.plain:app", environ, log))
        servers = (bare, ours, plain)
        for server in servers:
            measure(Order(server.port, min(WARM_UP_SECONDS, seconds)))
        clicks, calls = platform.redis.xlen(keys.click_stream()), script_calls(platform.redis)
        runs = [[Run.of(server, seconds) for server in servers] for _ in range(rounds)]
        return Throughput(
            bare=[row[0] for row in runs],
            ours=[row[1] for row in runs],
            plain=[row[2] for row in runs],
            written=platform.redis.xlen(keys.click_stream()) - clicks,
            script_calls=script_calls(platform.redis) - calls,
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
