"""Reports as CSV that a spreadsheet opens without executing anything in it.

Every cell is quoted: where a semicolon separates cells, as in Portuguese spreadsheets, one inside a text would begin a new cell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

# What makes a spreadsheet take a text for a formula (OWASP, "CSV injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A header and one line per row, made as they are asked for; None becomes an empty cell."""
    wanted = list(columns)
    yield _line(wanted)
    for row in rows:
        yield _line([row.get(name) for name in wanted])


def _line(cells: Iterable[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow([_cell(cell) for cell in cells])
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
