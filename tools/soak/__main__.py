"""`python -m tools.soak`: let an installation of its own work for long, say what of it grows without bound.

Exit code 1 when something does or the run shows nothing, 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tools import interrupts
from tools.soak.growth import State
from tools.soak.plan import SHORT, Plan
from tools.soak.report import report
from tools.soak.run import Outcome, run

GIVEN = (
    "minutes",
    "hours",
    "rate",
    "polling_bots",
    "webhook_bots",
    "database",
    "kept_seconds",
    "replaced_seconds",
    "sample_seconds",
)


def main(arguments: list[str]) -> int:
    """Run; the exit code."""
    options = _parse(arguments)
    return interrupts.run(lambda: _soak(options), "nothing is judged")


def _soak(options: argparse.Namespace) -> int:
    given = {name: value for name, value in vars(options).items() if name in GIVEN and value is not None}
    plan = replace(SHORT if options.short else Plan(), **given)
    with interrupts.work_folder(options.keep, "soak") as folder:
        return _judged(run(folder, plan, lambda line: print(line, flush=True)))


def _judged(outcome: Outcome) -> int:
    verdicts = outcome.verdicts()
    print(f"\n{report(outcome, verdicts)}")
    return 1 if outcome.failures() or any(each.state is State.GROWS for each in verdicts) else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("--short", action="store_true", help="five bots on SQLite, a quarter of a minute")
    parser.add_argument("--minutes", type=float, help="how long people come (60)")
    parser.add_argument("--hours", type=float, help="that these minutes stand for (12)")
    parser.add_argument("--rate", type=float, help="visitors a second (1.5), each of whom sends six updates")
    parser.add_argument("--polling-bots", type=int, help="(300)")
    parser.add_argument("--webhook-bots", type=int, help="(20)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="(postgresql)")
    parser.add_argument("--kept-seconds", type=float, help="how long retention keeps rows (240)")
    parser.add_argument("--replaced-seconds", type=float, help="from one replaced bot to the next (30)")
    parser.add_argument("--sample-seconds", type=float, help="from one look to the next (15)")
    parser.add_argument(
        "--keep",
        type=Path,
        help="work in this folder and leave it, with the programs' log and all that was seen (looks.jsonl)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
