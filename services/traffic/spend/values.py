"""What stands in the cells of a table of costs: amounts, days, currencies. Each raises `WrongCell`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from plugins.goals import CURRENCY, MICROS

LARGEST: Final = 10**9  # units of a currency in one line
LONGEST_DAYS: Final = 400  # that one line may stand for
YEARS: Final = range(2000, 2100)
_BLANKS: Final = re.compile(r"[\s\u00a0\u202f']")
# A currency's sign or code before or behind the number: R$ 12,30, 12.30 USD, €5.
_SIGNS: Final = re.compile(r"^[^\d.,+-]{0,5}|[^\d.,]{0,5}$")
_DAY_PARTS: Final = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})")


class WrongCell(Exception):
    """A cell that says nothing that could be understood; `code` is the problem's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def micros_of_cell(cell: str, decimal: str) -> int:
    """An amount in millionths; `decimal` is the mark before its fraction, the other one groups thousands.

    At most six places: less than a millionth cannot be kept, and is refused rather than rounded.
    """
    text = _SIGNS.sub("", _BLANKS.sub("", cell))
    text = text.replace("." if decimal == "," else ",", "").replace(decimal, ".")
    whole, _, fraction = text.partition(".")
    if (
        not re.fullmatch(r"\d{1,12}", whole or "0")
        or not re.fullmatch(r"\d*", fraction)
        or not text.strip(".")
    ):
        raise WrongCell("spend_amount_negative" if text.startswith("-") else "spend_amount_wrong")
    if fraction[6:].strip("0"):
        raise WrongCell("spend_amount_fine")
    micros = int(whole or 0) * MICROS + int(fraction[:6].ljust(6, "0"))
    if micros > LARGEST * MICROS:
        raise WrongCell("spend_amount_large")
    return micros


def day_of_cell(cell: str, order: str) -> date:
    """A day written as year, month and day in this `order` (`ymd`, `dmy`, `mdy`), a time behind it left out."""
    found = _DAY_PARTS.match(cell.strip())
    if found is None:
        raise WrongCell("spend_day_wrong")
    parts = dict(zip("ymd" if len(found.group(1)) == 4 else order, map(int, found.groups()), strict=True))
    try:
        day = date(parts["y"] + (2000 if parts["y"] < 100 else 0), parts["m"], parts["d"])
    except ValueError:
        raise WrongCell("spend_day_wrong") from None
    if day.year not in YEARS:
        raise WrongCell("spend_day_wrong")
    return day


def currency_of_cell(cell: str) -> str:
    """A currency's code."""
    code = cell.strip().upper()
    if not CURRENCY.fullmatch(code):
        raise WrongCell("spend_currency_wrong")
    return code


def spread(micros: int, first: date, last: date) -> Iterator[tuple[date, int]]:
    """An amount over the days from `first` to `last`, in equal parts whose sum is the amount: what is left over goes to the
    first days, a millionth each.
    """
    days = (last - first).days + 1
    if days < 1:
        raise WrongCell("spend_days_reversed")
    if days > LONGEST_DAYS:
        raise WrongCell("spend_days_many")
    part, left = divmod(micros, days)
    return ((first + timedelta(days=step), part + (step < left)) for step in range(days))
