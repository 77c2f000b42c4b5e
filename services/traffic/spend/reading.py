"""A table of costs, line by line: what each is about, and what is wrong with it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.traffic.spend.fields import Layout, SpendKey, key_of
from services.traffic.spend.values import (
    WrongCell,
    currency_of_cell,
    day_of_cell,
    micros_of_cell,
    spread,
)

TOTALS: Final = (
    "total",
    "totais",
    "totales",
    "gesamt",
)  # how the line begins that networks add by themselves
LONGEST_SHOWN: Final = 40  # characters of a cell in a problem


@dataclass(frozen=True)
class Problem:
    """What is wrong in a line, counted from 1 as an editor does; `column` is its name, `value` the beginning of what stands there."""

    line: int
    column: str
    code: str
    value: str = ""


@dataclass(frozen=True)
class Cost:
    """An amount of one line in millionths, of one day."""

    key: SpendKey
    micros: int
    currency: str


def lines_of(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a text that comes in pieces, each with its end."""
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest


def read_costs(lines: Iterable[str], layout: Layout) -> Iterator[list[Cost] | Problem]:
    """For each line of a table the costs that it stands for, or what is wrong with it. Empty lines and totals are passed over."""
    reader = csv.reader(lines, delimiter=layout.delimiter)
    places: dict[str, int] = {}
    while True:
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            yield Problem(before + 1, "", "spend_line_unreadable")
            return
        if before + 1 < layout.header_line:
            continue
        if before + 1 == layout.header_line:
            missing = _missing(cells, layout)
            if missing:
                yield Problem(before + 1, missing, "spend_column_missing")
                return
            names = header_names(cells)
            places = {kind: names.index(name) for kind, name in layout.columns.items()}
            continue
        if _says_something(cells, places):
            yield _costs(cells, places, layout, before + 1)
    if not places:
        yield Problem(1, layout.day, "spend_column_missing")


def header_names(cells: Sequence[str]) -> list[str]:
    """The names of columns as they are shown and named: without the mark that begins a file, and blanks around."""
    return [cell.lstrip("\ufeff").strip() for cell in cells]


def _missing(cells: Sequence[str], layout: Layout) -> str:
    present = set(header_names(cells))
    return next((name for name in layout.columns.values() if name not in present), "")


def _says_something(cells: Sequence[str], places: dict[str, int]) -> bool:
    day = cells[places["day"]].strip().lower() if places["day"] < len(cells) else ""
    if any(cell.strip().lower().startswith(TOTALS) for cell in cells[:1]):
        return False
    return bool(day) and not day.startswith(TOTALS) and day != "--"


def _costs(cells: Sequence[str], places: dict[str, int], layout: Layout, line: int) -> list[Cost] | Problem:
    def cell(kind: str) -> str:
        return cells[places[kind]] if kind in places and places[kind] < len(cells) else ""

    kind = "day"
    try:
        first = last = day_of_cell(cell("day"), layout.dates)
        if cell("until").strip():
            kind = "until"
            last = day_of_cell(cell("until"), layout.dates)
        kind = "amount"
        micros = micros_of_cell(cell("amount"), layout.decimal)
        kind = "currency"
        currency = currency_of_cell(cell("currency") or layout.always_currency)
        kind = "source"
        source = cell("source").strip() or layout.always_source
        if not source.strip():
            raise WrongCell("spend_source_missing")
        kind = "until" if "until" in places else "day"
        names = (source, cell("campaign"), cell("ad"))
        return [Cost(key_of(day, *names), part, currency) for day, part in spread(micros, first, last)]
    except WrongCell as wrong:
        column = layout.columns.get(kind, kind)
        return Problem(line, column, wrong.code, cell(kind).strip()[:LONGEST_SHOWN])
