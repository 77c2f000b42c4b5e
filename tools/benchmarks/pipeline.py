"""Every figure of the update road in one table: `make bench-pipeline`, or `python -m tools.benchmarks.pipeline [--quick] …`.

Webhook POST -> reply received by the Bot API. The systems of a row stand side by side on one machine and are loaded by
turns, each by `tools.benchmarks.telegram`, which is Telegram and the Bot API in one process. What each row means stands in
docs/benchmarks.md. Exit code 1 when a figure misses what it must be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tools import interrupts
from tools.benchmarks import pipeline_kills, pipeline_own, pipeline_people
from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.pipeline_runs import QUICK, Notes, Report, Size

SIZES = ("rounds", "bots", "chats", "updates", "window", "workers")  # that the command line may change
ROWS: dict[str, Callable[[Notes], list[Figure]]] = {
    "people": pipeline_people.full_load,
    "burst": pipeline_people.burst,
    "backlog": pipeline_own.backlog,
    "fresh": pipeline_own.fresh,
    "workers": pipeline_own.two_workers,
    "steady": pipeline_own.steady,
    "kills": pipeline_kills.kills,
    "slow": pipeline_own.slow,
    "hot": pipeline_own.hot,
    "idle": pipeline_own.idle,
}


def main() -> int:
    """Measure one after the other and print the table; with --json, all figures and raw reports as the last line."""
    options = _options()
    figures: list[Figure] = []
    reports: dict[str, dict[str, list[Report]]] = {}
    for name in options.only:
        print(f"{name}, load average {machine_load()} …", flush=True)
        began = time.monotonic()
        found, reports[name] = run(name, options)
        figures += found
        print(f"{name}: {time.monotonic() - began:.0f} s\n", flush=True)
    print_table(figures)
    if options.json:
        print(as_json(figures, reports))
    return int(any(figure.verdict == "MISSED" for figure in figures))


def run(name: str, options: argparse.Namespace) -> tuple[list[Figure], dict[str, list[Report]]]:
    """The rows of one name, and the reports of their runs."""
    with tempfile.TemporaryDirectory(prefix="flotilla-bench-", ignore_cleanup_errors=True) as created:
        folder = Path(created)
        folder.chmod(0o755)
        notes = Notes(folder, options.log or folder / "log", options.size, options.peers, options.log_level)
        return ROWS[name](notes), notes.reports


def as_json(figures: Sequence[Figure], reports: dict[str, dict[str, list[Report]]]) -> str:
    """Everything measured, on one line."""
    rows = [{**asdict(figure), "verdict": figure.verdict} for figure in figures]
    return json.dumps({"figures": rows, "reports": reports})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(ROWS), help=f"rows with commas: {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="a few minutes; too short to quote")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="measure ours alone")
    for name, what in (
        ("rounds", "of everything that is compared"),
        ("bots", ""),
        ("chats", "known people of each bot"),
        ("updates", "at full load, per system and round"),
        ("window", "unanswered updates at full load"),
        ("workers", "worker processes of ours beside the peers"),
    ):
        parser.add_argument(f"--{name}", type=int, help=f"{what} ({getattr(Size(), name):,})".strip())
    parser.add_argument("--log-level", default="INFO")
    parser.add_argument("--log", type=Path, default=None, help="keep the processes' output here")
    parser.add_argument(
        "--json", action="store_true", help="print figures and raw reports as JSON at the end"
    )
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(ROWS):
        parser.error(f"no row is named {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    chosen = {name: getattr(options, name) for name in SIZES}
    given = {name: value for name, value in chosen.items() if value is not None}
    options.size = replace(QUICK if options.quick else Size(), **given)
    return options


if __name__ == "__main__":
    sys.exit(interrupts.run(main, "nothing is measured"))
