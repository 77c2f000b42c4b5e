"""The figures of bots' own programs: `python -m tools.benchmarks.workers [--quick] [--only rates,kills]`.

Rates: one installation with a bot for each way, loaded by turns, so that their ratio holds on a busy machine. Kills: the whole
installation at the sandbox, whose journal is counted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from models import Bot
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tools.benchmarks import worker_kills
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.pipeline_runs import measure
from tools.benchmarks.pipeline_systems import System, flotilla
from tools.benchmarks.servers import process

PATIENCE_SECONDS = 180  # for the answers of a round; what has none by then counts as lost
ROWS = ("rates", "kills")


@dataclass(frozen=True)
class Way:
    """A way for a bot's program to get its updates, and what its rate must be over that of a plugin; each way is a row."""

    name: str
    program: str  # of tools.benchmarks.echo_worker
    threads: int
    must: float
    aim: float


WAYS = (
    Way("Runtime API", "runtime", 2, 0.3, 0.6),
    Way("Bot API facade, getUpdates", "botapi", 16, 0.3, 0.6),
)


def rates(folder: Path, *, updates: int, rounds: int, chats: int, window: int) -> list[Figure]:
    """Updates a second of each way, over those of a plugin in process, in the same minutes."""
    log = folder / "rates.log"
    names = ["plugin", *(way.name for way in WAYS)]
    found: dict[str, list[float]] = {name: [] for name in names}
    lost = dict.fromkeys(names, 0)
    with flotilla(folder / "rates", log, len(names), chats) as system, ExitStack() as stack:
        for number, way in enumerate(WAYS, start=2):
            stack.enter_context(working(system, number, way, log))
        for index in range(len(names)):  # everybody is known after this
            system.driver.run(chats, window=window, bots=[index])
        load = machine_load()
        for _ in range(rounds):
            for index, name in enumerate(names):
                report = measure(system, updates, window=window, bots=[index], patience=PATIENCE_SECONDS)
                found[name].append(report["rate"])
                lost[name] += report["posted"] - report["replies"]
                print(
                    f"{name:28} {report['rate']:>7} updates/s   {report['cpu_ms']} ms CPU   lost {lost[name]}",
                    flush=True,
                )
    return [_ratio(way, found, lost[way.name], load) for way in WAYS]


@contextmanager
def working(system: System, number: int, way: Way, log: Path) -> Iterator[None]:
    """The bot of that number with a worker, and one copy of its program."""
    assert system.platform is not None
    token = give(system.platform, number)
    environ = {"API_URL": f"http://127.0.0.1:{system.web_port}", "WORKER_TOKEN": token}
    command = [sys.executable, "-m", "tools.benchmarks.echo_worker", way.program, str(way.threads)]
    with process(command, environ, log):
        yield


def give(platform: Platform, bot_id: int, lease_seconds: int = 60) -> str:
    """A worker for a bot; its token."""
    with platform.database.reading() as session:
        account = session.scalars(select(Bot.account_id).where(Bot.id == bot_id)).one()
    owner = Principal(account, f"account:{account}")
    return give_worker(platform, owner, bot_id, NewWorker(lease_seconds=lease_seconds))[2]


def _ratio(way: Way, found: Mapping[str, list[float]], lost: int, load: float) -> Figure:
    plugin, own = found["plugin"], found[way.name]
    value = statistics.median(a / b for a, b in zip(own, plugin, strict=True))
    shown = f"{_rates(own)} over {_rates(plugin)} updates/s; {lost} lost"
    what = f"updates/s: {way.name} over a plugin in process"
    return Figure(what, round(value, 2), "x", way.must, way.aim, at_least=True, detail=shown, load=load)


def _rates(values: list[float]) -> str:
    return " ".join(f"{value:.0f}" for value in values)


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="too short to quote; a minute")
    parser.add_argument("--only", default=",".join(ROWS), help="some rows: " + ", ".join(ROWS))
    options = parser.parse_args()
    chosen, quick = set(options.only.split(",")), options.quick
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if "rates" in chosen:
            size = {"updates": 500, "rounds": 1} if quick else {"updates": 2000, "rounds": 3}
            figures += rates(folder, chats=100, window=100, **size)
        if "kills" in chosen:
            figures += worker_kills.run(folder, kills=10 if quick else 100, rate=100 if quick else 200)
    print_table(figures)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
