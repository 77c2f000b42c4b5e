"""The figures of the redirect engine, one table: `python -m tools.benchmarks.redirect [--quick] [--only rate,kills] …`.

What each row means and how it is measured stands in docs/benchmarks.md. Everything happens on the loopback, in temporary
folders, and ends with this process. Exit code 1 when a figure misses what it must be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tools import interrupts
from tools.benchmarks import change, failover, kills, memory, one_address, steady, sweeping, throughput
from tools.benchmarks.figures import Figure, machine_load, print_table


class Measured(Protocol):
    """What a measurement gives."""

    def figures(self) -> list[Figure]:
        """Its rows of the table."""


Measurement = Callable[[Path], Measured]


def measurements(options: argparse.Namespace) -> dict[str, Measurement]:
    """All measurements by name, sized as the options say."""
    quick = options.quick
    return {
        "rate": lambda folder: throughput.run(folder, options.seconds, 1 if quick else options.rounds),
        "steady": lambda folder: steady.run(folder, options.steady_seconds),
        "sweep": lambda folder: sweeping.run(folder),
        "failover": lambda folder: failover.run(folder, 1 if quick else options.deaths),
        "change": lambda folder: change.run(folder, 4 if quick else options.changes),
        "memory": lambda folder: memory.run(folder),
        "kills": lambda folder: kills.run(folder, options.kills, options.clicks),
        "one_address": lambda folder: one_address.run(folder),
    }


def main() -> int:
    """Measure one after the other and print the table."""
    options = _options()
    table: list[Figure] = []
    for name, measure in measurements(options).items():
        if options.only and name not in options.only.split(","):
            continue
        load, began = machine_load(), time.monotonic()
        print(f"{name:<12} load average {load:>4} …", end=" ", flush=True)
        with tempfile.TemporaryDirectory(prefix="flotilla-bench-", ignore_cleanup_errors=True) as folder:
            table += [replace(figure, load=load) for figure in measure(Path(folder)).figures()]
        print(f"{time.monotonic() - began:.0f} s", flush=True)
    print_table(table)
    return int(any(figure.verdict == "MISSED" for figure in table))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute or two; too short to quote")
    parser.add_argument("--only", default="", help="names of measurements, with commas")
    parser.add_argument("--seconds", type=float, help="per server and round of `rate` (10)")
    parser.add_argument("--rounds", type=int, default=5, help="of `rate`")
    parser.add_argument("--steady-seconds", type=float, help="of `steady` (60)")
    parser.add_argument("--deaths", type=int, default=3, help="of each kind of bot in `failover`")
    parser.add_argument("--changes", type=int, default=20, help="of `change`")
    parser.add_argument("--kills", type=int, help="of `kills` (50)")
    parser.add_argument("--clicks", type=int, help="of `kills` (50,000)")
    options = parser.parse_args()
    sizes = {
        "seconds": (10.0, 2.0),
        "steady_seconds": (60.0, 8.0),
        "kills": (50, 6),
        "clicks": (50_000, 4000),
    }
    for name, (full, quick) in sizes.items():
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else full)
    return options


if __name__ == "__main__":
    sys.exit(interrupts.run(main, "nothing is measured"))
