"""`/go` with everything on beside a bare Flask 302, same server and settings, in one run, taking turns.

`/go` is answered by a WSGI shortcut in front of Flask (`blueprints.redirects.Shortcut`), which is why it can be level
with, or ahead of, a Flask view that does nothing.

`python -m benchmarks.redirect [SECONDS]` (default 5 per run, three runs each).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from sqlalchemy import event

from app import create_app
from benchmarks.fleet import make_fleet
from benchmarks.load import PERSON, Load, measure
from benchmarks.servers import Server, gunicorn, valkey
from services import schema
from services.environment import load_settings
from services.platform import Platform

ROUNDS = 3
CONNECTIONS = 32
STEADY_RATE = 500  # clicks a second
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Run:
    """One run against one server: what the driver saw, and the workers' CPU time per request in microseconds."""

    load: Load
    cpu_us: float

    @classmethod
    def of(cls, server: Server, seconds: float) -> Run:
        """Measure `server` for so many seconds."""
        before = server.cpu_seconds()
        load = measure(server.port, seconds, CONNECTIONS)
        return cls(load, (server.cpu_seconds() - before) / sum(load.statuses.values()) * 1e6)


def main(seconds: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as name, valkey(Path(name)) as redis_url:
        folder = Path(name)
        environ = {"DATA_DIR": str(folder), "REDIS_URL": redis_url, "APP_ENV": "dev", "LOG_LEVEL": "INFO"}
        platform = Platform(load_settings(environ))
        schema.upgrade(platform.database)
        make_fleet(platform, bots=6)
        with (
            gunicorn("gunicorn.conf.py", "wsgi:app", environ, folder / "ours.log") as ours,
            gunicorn(
                "benchmarks/bare_gunicorn.py", "benchmarks.bare_flask:app", environ, folder / "bare.log"
            ) as bare,
        ):
            for server in (ours, bare):
                measure(server.port, WARM_UP_SECONDS)
            before = round_trips(platform.redis)
            clicks = platform.redis.xlen("flotilla:clicks")
            runs = [(Run.of(bare, seconds), Run.of(ours, seconds)) for _ in range(ROUNDS)]
            after = round_trips(platform.redis)
            written = platform.redis.xlen("flotilla:clicks") - clicks
            steady = measure(ours.port, seconds, CONNECTIONS, STEADY_RATE)
        show(runs)
        print(
            f"clicks written {written:,}; Redis round trips per click {(after - before) / written:.3f}; "
            f"SQL statements per click {queries_per_click(platform):.2f}"
        )
        print(
            f"steady {STEADY_RATE}/s, open loop, seen by the client: p50 {steady.p50} ms, p99 {steady.p99} ms"
        )


def round_trips(redis: Redis) -> int:
    """How often the script of the clicks was called so far."""
    calls = redis.info("commandstats")
    return int(calls.get("cmdstat_evalsha", {}).get("calls", 0)) + int(
        calls.get("cmdstat_eval", {}).get("calls", 0)
    )


def queries_per_click(platform: Platform, clicks: int = 200) -> float:
    """SQL statements per click, counted at the engine of an application in this process."""
    client = create_app(platform).test_client(use_cookies=False)
    client.get("/go/red1", headers={"User-Agent": PERSON})
    statements: list[str] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for _ in range(clicks):
        client.get("/go/red1", headers={"User-Agent": PERSON})
    return len(statements) / clicks


def show(runs: list[tuple[Run, Run]]) -> None:
    """Print the table. CPU is the worker's; unlike the rate it does not depend on who else uses the machine."""
    print(f"{'':<7}{'bare Flask':>12}{'CPU':>9}{'/go':>12}{'CPU':>9}{'ratio':>7}   p50/p99 of /go, statuses")
    for number, (bare, ours) in enumerate(runs, 1):
        print(
            f"run {number:<3}{bare.load.rate:>10,.0f}/s{bare.cpu_us:>6.0f} us{ours.load.rate:>10,.0f}/s"
            f"{ours.cpu_us:>6.0f} us{ours.load.rate / bare.load.rate:>7.2f}"
            f"   {ours.load.p50}/{ours.load.p99} ms {ours.load.statuses}"
        )
    ratio = statistics.median(ours.load.rate / bare.load.rate for bare, ours in runs)
    print(f"median ratio {ratio:.2f}; {CONNECTIONS} connections, keep-alive, one worker each")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
