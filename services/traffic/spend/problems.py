"""What can be wrong with a table of costs, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from typing_extensions import TypedDict

from services.core.answer_types import Sentence
from services.core.i18n import Text

SAID: Final[Mapping[str, Text]] = {
    "spend_line_unreadable": Text(
        "This line cannot be read: a quotation mark is open, or the separator is another"
    ),
    "spend_column_missing": Text("There is no column of this name: choose it again"),
    "spend_day_wrong": Text("This is no day: check the order of day, month and year"),
    "spend_days_reversed": Text("The last day comes before the first"),
    "spend_days_many": Text("A line stands for at most 400 days"),
    "spend_amount_wrong": Text("This is no amount: check which mark comes before the fraction"),
    "spend_amount_negative": Text("An amount is not below zero: a correction states the whole new amount"),
    "spend_amount_fine": Text("An amount has at most six places behind the mark"),
    "spend_amount_large": Text("An amount is at most a thousand millions"),
    "spend_currency_wrong": Text("A currency is three capital letters, such as BRL"),
    "spend_source_missing": Text("The line names no source: choose one for all lines"),
    "spend_two_currencies": Text(
        "The same day and names cost money of two currencies: bring them as two sources"
    ),
    "spend_empty": Text("There is no line with a day and an amount"),
    "spend_too_much": Text("The sum of all lines is too large to be kept"),
    "spend_rows_many": Text("These are too many days and names: split the file"),
}


class ProblemView(TypedDict):
    """What is wrong in a line (0: in several), counted from 1 with the header; `value` is what stands in the column."""

    line: int
    column: str
    value: str
    code: str
    detail: Sentence


def problem_views(stored: Iterable[Mapping[str, Any]]) -> list[ProblemView]:
    """Problems as they are kept, with their words."""
    return [
        {
            "line": each["line"],
            "column": each["column"],
            "value": each["value"],
            "code": each["code"],
            "detail": SAID[each["code"]],
        }
        for each in stored
    ]
