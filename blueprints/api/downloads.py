"""The rows of a report as a file: CSV for programs, a workbook for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import Response

from services.reporting.analytics.table import csv_lines
from services.reporting.analytics.workbook import XLSX, workbook

CSV = "text/csv"


def as_csv(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """UTF-8 without a byte order mark, to be kept as `<name>.csv`."""
    return _file(f"{name}.csv", csv_lines(columns, rows), f"{CSV}; charset=utf-8")


def as_workbook(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    """For Excel and its kind, to be kept as `<name>.xlsx`."""
    return _file(f"{name}.xlsx", workbook(columns, rows), XLSX)


def _file(name: str, content: Any, kind: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, content_type=kind, headers=headers)
