"""A live flow is edited a thousand times with ten thousand people inside: who is stranded, shown twice, or lost.

`python -m tools.benchmarks.flow_edits [--edits 1000] [--people 10000] [--seed 1]`; the exit code is 1 when anybody is.
"""

from __future__ import annotations

import argparse
import sys
import time

from tools.benchmarks.figures import Figure, machine_load, print_table
from tools.benchmarks.flow_world import World

ACTING = 0.02  # of the people do something between two edits
FEWEST = 10
SECONDS_BETWEEN = 20.0


def play(edits: int, people: int, seed: int) -> World:
    """A world after so many edits."""
    world = World(seed, people)
    for _ in range(edits):
        world.act(max(FEWEST, int(people * ACTING)))
        world.wait(SECONDS_BETWEEN)
        world.edit()
        world.compare()
    return world


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("edits", 1000), ("people", 10_000), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted, load, began = parser.parse_args(), machine_load(), time.perf_counter()
    world = play(wanted.edits, wanted.people, wanted.seed)
    seconds, found = time.perf_counter() - began, world.differences
    detail = f"{wanted.edits} edits, {wanted.people} people, {world.events:,} events in {seconds:.0f} s, model included"
    figures = [
        Figure("people stranded by edits of a live flow", found.stranded, "", 0, 0, load=load, detail=detail),
        Figure("shown twice", found.doubled, "", 0, 0, load=load),
        Figure("lost", found.lost, "", 0, 0, load=load),
    ]
    print_table(figures)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
