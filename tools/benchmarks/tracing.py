"""What traces cost: CPU of one process for a click, and for an update from its receipt to its reply, with traces off and on.

`python -m tools.benchmarks.tracing`. The collector, the sandbox and Valkey are processes of their own; rounds go by turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from services.core import tracing
from services.core.environment import load_settings
from services.core.trace_export import PAUSE_SECONDS, BatchSink, start_tracing
from services.core.tracing import Tracing
from services.platform import schema
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.redirect import Kind, Redirector
from tools.benchmarks.figures import machine_load
from tools.benchmarks.fleet import make_fleet
from tools.benchmarks.load import PERSON, QUERY
from tools.servers.fleet import accept_all, add_bot, message, working
from tools.servers.sandbox import Sandbox, running_sandbox
from tools.servers.valkey import running_valkey

SHARES: Final = {"off": None, "on": 1.0, "a tenth": 0.1}
COLLECTOR: Final = (
    "import sys\nfrom tools.servers.receivers import http_receiver\n"
    "with http_receiver() as receiver:\n"
    "    print(receiver.url, flush=True)\n    sys.stdin.read()\n"
)
CHATS: Final = 50
LOOK_SECONDS: Final = 0.05
PATIENCE_SECONDS: Final = 60.0
Work = Callable[[int], None]  # does so many


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--clicks", type=int, default=3000, help="in a round")
    parser.add_argument("--updates", type=int, default=1000, help="in a round")
    options = parser.parse_args()
    load = machine_load()
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        with _house(Path(name)) as (platform, sandbox):
            sink = start_tracing(platform.settings, "web")
            assert sink is not None
            with _clicking(platform) as click:
                clicks = _by_turns(sink, click, options.rounds, options.clicks)
            with _replying(platform, sandbox) as reply:
                replies = _by_turns(sink, reply, options.rounds, options.updates)
    _print("a click", clicks)
    _print("an update and its reply", replies)
    print(f"load average {load}")


@contextmanager
def _clicking(platform: Platform) -> Iterator[Work]:
    """Makes so many clicks, one after the other."""
    make_fleet(platform, bots=6)
    redirector = Redirector(platform)
    environ = {
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": QUERY.removeprefix("?"),
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_USER_AGENT": PERSON,
        "wsgi.url_scheme": "http",
    }

    def click(count: int) -> None:
        for _ in range(count):
            if redirector.answer("red1", environ).kind is not Kind.BOT:
                raise RuntimeError("a click found no bot")

    yield click
    redirector.stop()


@contextmanager
def _replying(platform: Platform, sandbox: Sandbox) -> Iterator[Work]:
    """Has so many messages answered by a bot that echoes, its workers in this process."""
    identity = sandbox.create_bot()
    bot = add_bot(platform, identity)
    people = [sandbox.create_user()["id"] for _ in range(CHATS)]
    for person in people:
        sandbox.start(person, identity["username"])
    numbers = count(1)

    def reply(updates: int) -> None:
        accept_all(
            platform, bot, [message(next(numbers), people[n % CHATS], f"hello {n}") for n in range(updates)]
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _waiting(platform):
            if time.monotonic() > deadline:
                raise RuntimeError("not all updates were answered")
            time.sleep(LOOK_SECONDS)

    with working(platform):
        yield reply


def _waiting(platform: Platform) -> bool:
    lanes = range(platform.settings.update_lanes)
    return any(
        platform.redis.xlen(keys.update_lane(lane)) or platform.redis.zcard(keys.outbox_active(lane))
        for lane in lanes
    )


@contextmanager
def _house(folder: Path) -> Iterator[tuple[Platform, Sandbox]]:
    """An installation in this process, whose traces go to a collector beside it."""
    with ExitStack() as stack:
        (folder / "valkey").mkdir()
        redis_url = stack.enter_context(running_valkey(folder / "valkey"))
        sandbox = stack.enter_context(running_sandbox(folder))
        collector = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", COLLECTOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        assert collector.stdin is not None
        assert collector.stdout is not None
        stack.callback(collector.stdin.close)
        environ = {
            "APP_ENV": "test",
            "DATA_DIR": str(folder),
            "REDIS_URL": redis_url,
            "TELEGRAM_API_URL": sandbox.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.stdout.readline().strip(),
            "PACING_BOT_PER_SECOND": "100000",
            "PACING_CHAT_PER_SECOND": "100000",
            "PACING_CHAT_BURST": "1000",
            "USER_RATE_PER_MINUTE": "0",
        }
        platform = Platform(load_settings(environ))
        schema.upgrade(platform)
        yield platform, sandbox


def _by_turns(sink: BatchSink, work: Work, rounds: int, size: int) -> dict[str, float]:
    """µs of CPU for one, the least of the rounds, by how much is traced; a first round of each does not count."""
    found: dict[str, list[float]] = {name: [] for name in SHARES}
    for number in range(rounds + 1):
        for name, share in SHARES.items():
            tracing.current = None if share is None else Tracing(sink, share)
            before = time.process_time()
            work(size)
            time.sleep(
                2 * PAUSE_SECONDS
            )  # what is left is sent; what runs beside it costs all of them the same
            if number:
                found[name].append((time.process_time() - before) / size * 1e6)
    tracing.current = None
    return {name: min(times) for name, times in found.items()}


def _print(what: str, measured: dict[str, float]) -> None:
    for name, micros in measured.items():
        print(f"{what:<24} traces {name:<8} {micros:>7.0f} µs of CPU  {micros / measured['off']:.2f} of off")


if __name__ == "__main__":
    main()
