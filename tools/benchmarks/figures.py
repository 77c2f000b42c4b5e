"""A figure with what it must and should be, and the table of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Something measured. Small is good unless `at_least`; `detail` says what else was seen."""

    what: str
    value: float
    unit: str
    must: float
    aim: float
    at_least: bool = False
    detail: str = ""
    load: float = 0.0  # the machine's load average before it was measured

    @property
    def verdict(self) -> str:
        """How it stands: `aim`, `must` (met), or `MISSED`."""
        if self._reaches(self.aim):
            return "aim"
        return "must" if self._reaches(self.must) else "MISSED"

    def _reaches(self, bound: float) -> bool:
        # Losses are counted: none means none. The other bounds are "less than".
        if self.at_least:
            return self.value >= bound
        return self.value < bound or self.value == bound == 0

    def shown(self, value: float) -> str:
        """A value with its unit."""
        text = f"{value:,.0f}" if value == int(value) else f"{value:,.{3 if value < 1 else 2}f}"
        return f"{text} {self.unit}".rstrip()


def machine_load() -> float:
    """The load average of the last minute: beside how many others a figure was measured."""
    return round(os.getloadavg()[0], 1)


def print_table(figures: Sequence[Figure]) -> None:
    """Print all figures."""
    width = max(len(figure.what) for figure in figures)
    print(f"\n{'':{width}} {'measured':>12} {'must':>12} {'aim':>12} {'':>7} {'load':>5}")
    for figure in figures:
        sign = ">=" if figure.at_least else "" if figure.must == 0 else "<"
        must, aim = (f"{sign} {figure.shown(bound)}".strip() for bound in (figure.must, figure.aim))
        print(
            f"{figure.what:{width}} {figure.shown(figure.value):>12} {must:>12} {aim:>12} {figure.verdict:>7}"
            f" {figure.load:>5}"
        )
        if figure.detail:
            print(f"    {figure.detail}")
