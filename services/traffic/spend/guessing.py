"""A guess at how a table is to be read, from its beginning, and what is understood of it so. People correct it, and see at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, cast

from typing_extensions import TypedDict

from services.core.errors import InvalidInput
from services.traffic.spend.fields import LONGEST_NAME, Layout
from services.traffic.spend.problems import ProblemView, problem_views
from services.traffic.spend.reading import Cost, Problem, header_names, lines_of, read_costs

DELIMITERS: Final = (",", ";", "\t", "|")
SHOWN_ROWS: Final = 10
SHOWN_PROBLEMS: Final = 5
LOOKED_AT: Final = 50  # lines in which a header is looked for
# Names that Meta, TikTok and Google give to their columns, in English and Portuguese, in small letters; the first that is there wins.
NAMES: Final[Mapping[str, Sequence[str]]] = {
    "day": (
        *("day", "date", "reporting starts", "by day", "stat_time_day", "segments.date", "start date"),
        *("dia", "data", "início dos relatórios", "por dia", "data de início"),
    ),
    "until": (
        "reporting ends",
        "end date",
        "término dos relatórios",
        "encerramento dos relatórios",
        "data de término",
    ),
    "source": ("source", "utm_source", "traffic source", "platform", "origem", "fonte", "plataforma"),
    "campaign": ("utm_campaign", "campaign name", "campaign", "nome da campanha", "campanha"),
    "ad": ("utm_content", "ad name", "ad", "nome do anúncio", "anúncio"),
    "amount": (
        *("amount spent", "spend", "cost", "amount", "spent", "total cost"),
        *("valor usado", "valor gasto", "custo", "gasto", "valor"),
    ),
    "currency": ("currency", "currency code", "account currency", "moeda", "código da moeda"),
}
_CODE: Final = re.compile(r"\(([A-Z]{3})\)\s*$")  # "Amount spent (BRL)"


class SampleRowView(TypedDict):
    """A line as it is understood."""

    day: str
    source: str
    campaign: str
    ad: str
    amount_micros: int
    currency: str


class LayoutView(TypedDict):
    """How a table is read, as `Layout` says it."""

    delimiter: str
    decimal: str
    dates: str
    header_line: int
    day: str
    until: str
    source: str
    campaign: str
    ad: str
    amount: str
    currency: str
    always_source: str
    always_currency: str


class PreviewView(TypedDict):
    """How the beginning of a table is read: with which layout, what its columns are called, the first lines and problems."""

    layout: LayoutView
    columns: list[str]
    rows: list[SampleRowView]
    problems: list[ProblemView]


def preview(sample: str, layout: Layout | None, source: str, currency: str) -> PreviewView:
    """What is understood of a table's beginning, with this layout or a guessed one; the last line may be cut off.

    `source` and `currency` are of all lines where no column says them. Raises InvalidInput `table_unknown`.
    """
    lines = list(lines_of([sample]))
    found = layout or guess(lines, source, currency)
    columns = _columns(lines[found.header_line - 1 : found.header_line], found.delimiter)
    rows: list[Cost] = []
    problems: list[Problem] = []
    is_cut = not sample.endswith("\n") and len(lines) > found.header_line + 1
    for each in read_costs(lines[:-1] if is_cut else lines, found):
        if isinstance(each, Problem):
            problems.append(each)
        else:
            rows += each
        if len(problems) >= SHOWN_PROBLEMS or len(rows) >= SHOWN_ROWS:
            break
    return {
        "layout": cast(LayoutView, found.model_dump(mode="json")),
        "columns": columns,
        "rows": [_shown(cost) for cost in rows[:SHOWN_ROWS]],
        "problems": problem_views(map(asdict, problems)),
    }


def _columns(header: Sequence[str], delimiter: str) -> list[str]:
    try:
        return [name for cells in csv.reader(header, delimiter=delimiter) for name in header_names(cells)]
    except csv.Error:  # said as a problem of that line
        return []


def guess(lines: Sequence[str], source: str, currency: str) -> Layout:
    """A layout for a table that begins so. Raises InvalidInput `table_unknown` where no line looks like a header."""
    try:
        line, delimiter, columns = _header(lines)
        body = list(csv.reader(lines[line:], delimiter=delimiter))
    except csv.Error:  # the ends of its lines are an old Macintosh's, say
        raise _unknown() from None
    named = {kind: name for kind in NAMES if (name := _column(kind, columns))}
    code = _CODE.search(named.get("amount", ""))
    cells = {
        kind: [row[columns.index(name)] for row in body if columns.index(name) < len(row)]
        for kind, name in named.items()
    }
    return Layout(
        delimiter=delimiter,
        decimal=_decimal(cells["amount"], delimiter),
        dates=_order(cells["day"]),
        header_line=line,
        **named,
        always_source=source if "source" not in named else "",
        always_currency=(code.group(1) if code else currency) if "currency" not in named else "",
    )


def _header(lines: Sequence[str]) -> tuple[int, Any, list[str]]:
    for number, line in enumerate(lines[:LOOKED_AT], 1):
        for delimiter in DELIMITERS:
            [cells] = csv.reader([line], delimiter=delimiter)
            columns = header_names(cells)
            if _column("day", columns) and _column("amount", columns):
                return number, delimiter, columns
    raise _unknown()


def _unknown() -> InvalidInput:
    return InvalidInput(
        "No line names a column of days and one of amounts: call them Day and Cost, or choose the columns yourself",
        code="table_unknown",
        field="sample",
    )


def _column(kind: str, columns: Iterable[str]) -> str:
    plain = {
        _CODE.sub("", name).strip().lower(): name
        for name in reversed(list(columns))
        if len(name) <= LONGEST_NAME
    }
    return next((plain[name] for name in NAMES[kind] if name in plain), "")


def _decimal(cells: Iterable[str], delimiter: str) -> Any:
    """The mark before the fraction: of both the later one; of one alone that which leaves other than three digits behind it."""
    for cell in cells:
        point, comma = cell.rfind("."), cell.rfind(",")
        if point >= 0 and comma >= 0:
            return "." if point > comma else ","
        for mark, place in ((".", point), (",", comma)):
            if place >= 0 and (cell.count(mark) == 1) and len(re.sub(r"\D", "", cell[place:])) != 3:
                return mark
    return "," if delimiter == ";" else "."


def _order(cells: Iterable[str]) -> Any:
    """Year first; else by a number above twelve, and day first where none tells."""
    for cell in cells:
        numbers = [int(number) for number in re.findall(r"\d+", cell)[:3]]
        if len(numbers) == 3 and numbers[0] > 31:
            return "ymd"
        if len(numbers) == 3 and numbers[1] > 12:
            return "mdy"
    return "dmy"


def _shown(cost: Cost) -> SampleRowView:
    day, source, campaign, ad = cost.key
    return {
        "day": day.isoformat(),
        "source": source,
        "campaign": campaign,
        "ad": ad,
        "amount_micros": cost.micros,
        "currency": cost.currency,
    }
