"""`python -m tools.chaos`: attack an installation of its own, print what held, exit 1 when something did not."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tools import interrupts
from tools.chaos.plan import HUNT, SHORT, Plan
from tools.chaos.report import report
from tools.chaos.run import run
from tools.chaos.upgrade.command import upgrade
from tools.chaos.upgrade.run import Size


def main(arguments: list[str]) -> int:
    """Run; 0 when every invariant held, 1 when not, 130 on Ctrl-C."""
    options = _parse(arguments)
    return interrupts.run(lambda: _attack(options), "nothing is proved")


def _attack(options: argparse.Namespace) -> int:
    plan = replace(options.preset, **_given(options))
    with interrupts.work_folder(options.keep, "chaos") as folder:
        if options.upgrade:
            size = Size(
                options.clicks_per_second, options.updates_per_second, options.steady, not options.untold
            )
            return upgrade(folder, plan, size, options.former, _say)
        verdict = run(folder, plan, _say)
    print(f"\n{plan}\n\n{report(verdict)}")
    return 0 if verdict.holds else 1


def _say(line: str) -> None:
    print(line, flush=True)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    names = {field.name for field in fields(Plan)}
    return {name: value for name, value in vars(options).items() if name in names and value is not None}


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.set_defaults(preset=Plan())
    presets = (
        ("--short", SHORT, "the run of the test suite, under a minute"),
        ("--hunt", HUNT, "kills while the same updates are in hand, beside guilty ones, and little else"),
    )
    for name, preset, words in presets:
        parser.add_argument(name, dest="preset", action="store_const", const=preset, help=words)
    parser.add_argument("--seed", type=int, help="the same attacks in the same order")
    parser.add_argument("--updates", type=int, help="in all (20,000)")
    parser.add_argument("--kills", type=int, help="each of inbound worker, outbound worker and web (100)")
    parser.add_argument("--valkey-kills", type=int, help="(20)")
    parser.add_argument("--other-kills", type=int, help="each of clock and poller (10)")
    parser.add_argument("--stops", type=float, help="seconds that a lease holder is stopped (30)")
    parser.add_argument("--api-seconds", type=float, help="seconds of 429 to 30 %% of all sends (60)")
    parser.add_argument("--away-seconds", type=float, help="of database, Valkey's memory, its line (10)")
    parser.add_argument(
        "--partitions", type=_seconds, help="of Valkey, seconds with commas between (5,20,60)"
    )
    parser.add_argument("--poisons", type=int, help="updates that end their process (4)")
    parser.add_argument("--host-seconds", type=float, help="that a second host is away, three times (20)")
    parser.add_argument("--storms", type=int, help="of kills of the inbound worker as soon as it is up (2)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"))
    parser.add_argument("--retry-factor", type=float, help="of the waits between webhook attempts (0.25)")
    parser.add_argument(
        "--upgrade",
        action="store_true",
        help="a former release becomes this one under traffic, and nothing else",
    )
    parser.add_argument(
        "--from", dest="former", default="", help="the former release: a commit, or `same`; left out, N-2"
    )
    parser.add_argument(
        "--untold", action="store_true", help="a web process ends before the balancer knows: the hard order"
    )
    parser.add_argument("--clicks-per-second", type=float, default=Size.clicks)
    parser.add_argument("--updates-per-second", type=int, default=Size.updates)
    parser.add_argument("--steady", type=float, default=Size.steady, help="seconds between steps (3)")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it, with the processes' log")
    return parser.parse_args(arguments)


def _seconds(value: str) -> tuple[float, ...]:
    return tuple(float(each) for each in value.split(",") if each)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
