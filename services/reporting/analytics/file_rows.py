"""A report's rows as a file has them: money in columns of its currency, as plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plugins.goals import MICROS


def for_files(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows for a file: in the place of `revenue` two columns per currency, as plain numbers of its unit."""
    listed = list(rows)
    currencies = sorted({one["currency"] for row in listed for one in row.get("revenue", ())})
    at = columns.index("revenue") if "revenue" in columns else len(columns)
    money = [f"{name}_{currency}" for currency in currencies for name in ("revenue", "per_click")]
    return [*columns[:at], *money, *columns[at + 1 :]], [{**row, **_money(row)} for row in listed]


def _money(row: Mapping[str, Any]) -> dict[str, float | None]:
    cells: dict[str, float | None] = {}
    for one in row.get("revenue", ()):
        per_click = one["per_click_micros"]
        cells[f"revenue_{one['currency']}"] = one["amount_micros"] / MICROS
        cells[f"per_click_{one['currency']}"] = None if per_click is None else per_click / MICROS
    return cells
