"""`python -m tools.load`: load an installation of its own, print the promises beside what was measured.

Exit code 1 when one did not hold, 130 on Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tools import interrupts
from tools.load.plan import SHORT, Plan
from tools.load.report import lines, report
from tools.load.run import run


def main(arguments: list[str]) -> int:
    """Run; the exit code."""
    options = _parse(arguments)
    return interrupts.run(lambda: _load(options), "nothing is measured")


def _load(options: argparse.Namespace) -> int:
    given = {name: getattr(options, name) for name in ("visitors", "rate", "database")}
    plan = replace(
        SHORT if options.short else Plan(), **{name: each for name, each in given.items() if each is not None}
    )
    with interrupts.work_folder(options.keep, "load") as folder:
        outcome = run(folder, plan, options.locust, lambda line: print(line, flush=True))
    print(f"\n{report(outcome)}")
    return 1 if any(each.held is False for each in lines(outcome)) else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.load", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="40 visitors to five bots on SQLite, some seconds"
    )
    parser.add_argument("--visitors", type=int, help="in all (5,000)")
    parser.add_argument("--rate", type=float, help="visitors a second (20)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), help="(postgresql)")
    parser.add_argument(
        "--locust", type=Path, help="locust's program; without it the visitors come by gevent alone"
    )
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it, with the programs' logs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
