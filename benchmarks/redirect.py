"""`/go` with everything on beside a bare Flask 302, same server and settings, in one run, taking turns.

`python -m benchmarks.redirect [SECONDS]` (default 5 per run, three runs each).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from redis import Redis
from sqlalchemy import event

from app import create_app
from benchmarks.fleet import make_fleet
from benchmarks.load import PERSON, Load, measure
from benchmarks.servers import gunicorn, valkey
from services import schema
from services.environment import load_settings
from services.platform import Platform

ROUNDS = 3
CONNECTIONS = 32
WARM_UP_SECONDS = 1.0


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
            for port in (ours, bare):
                measure(port, WARM_UP_SECONDS)
            before = round_trips(platform.redis)
            clicks = platform.redis.xlen("flotilla:clicks")
            runs: list[tuple[Load, Load]] = [
                (measure(bare, seconds, CONNECTIONS), measure(ours, seconds, CONNECTIONS))
                for _ in range(ROUNDS)
            ]
            after = round_trips(platform.redis)
            written = platform.redis.xlen("flotilla:clicks") - clicks
        show(runs, written, (after - before) / written, queries_per_click(platform))


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


def show(runs: list[tuple[Load, Load]], written: int, trips: float, queries: float) -> None:
    """Print the table."""
    print(f"{'':<8}{'bare Flask':>14}{'/go':>14}{'ratio':>8}   p50/p99 of /go, statuses")
    for number, (bare, ours) in enumerate(runs, 1):
        print(
            f"run {number:<4}{bare.rate:>12,.0f}/s{ours.rate:>12,.0f}/s{ours.rate / bare.rate:>8.2f}"
            f"   {ours.p50}/{ours.p99} ms {ours.statuses}"
        )
    ratio = statistics.median(ours.rate / bare.rate for bare, ours in runs)
    print(
        f"median ratio {ratio:.2f} (must 0.50, aim 0.75), {CONNECTIONS} connections, keep-alive, one worker each"
    )
    print(
        f"clicks written {written:,}; Redis round trips per click {trips:.3f}; SQL statements per click {queries:.2f}"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
