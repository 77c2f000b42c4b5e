"""The lines of one table added up by what they are of, in a file of our own: memory stays small however long it is.

Networks write an ad once for each audience or country, so lines of the same day and names are one amount.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date
from types import TracebackType
from typing import Final, Self

from services.traffic.spend.fields import SpendKey
from services.traffic.spend.reading import Cost

MOST_MICROS: Final = 9 * 10**18  # of one currency in a table: what a column of 64 bits holds
AT_ONCE: Final = 500  # rows of a statement, a few milliseconds
_TABLE: Final = """
CREATE TABLE costs (day TEXT, source TEXT, campaign TEXT, ad TEXT, currency TEXT, micros INTEGER,
PRIMARY KEY (day, source, campaign, ad)) WITHOUT ROWID
"""
_ADD: Final = """
INSERT INTO costs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
micros = micros + excluded.micros, currency = CASE currency WHEN excluded.currency THEN currency ELSE '' END
"""


class AddedUp:
    """Amounts by what they are of. A context manager: the file is gone at its end, and with the process."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")  # a temporary file that only this connection knows
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute(_TABLE)
        self._waiting: list[tuple[str, str, str, str, str, int]] = []
        self.sums: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, costs: Iterable[Cost]) -> None:
        """Add amounts to those of the same day and names."""
        for cost in costs:
            key = cost.key
            self.sums[cost.currency] = self.sums.get(cost.currency, 0) + cost.micros
            self._waiting.append(
                (key.day.isoformat(), key.source, key.campaign, key.ad, cost.currency, cost.micros)
            )
        if len(self._waiting) >= AT_ONCE:
            self._store()

    def __len__(self) -> int:
        self._store()
        return int(self._file.execute("SELECT count(*) FROM costs").fetchone()[0])

    @property
    def is_too_much(self) -> bool:
        """Whether a sum is larger than can be kept."""
        return any(micros > MOST_MICROS for micros in self.sums.values())

    def mixed(self) -> SpendKey | None:
        """Something that cost money of two currencies, which cannot be added; None where all are of one."""
        self._store()
        row = self._file.execute("SELECT day, source, campaign, ad FROM costs WHERE currency = ''").fetchone()
        return None if row is None else SpendKey(date.fromisoformat(row[0]), *row[1:])

    def batches(self, size: int, behind: int = 0) -> Iterator[list[Cost]]:
        """All amounts in order of what they are of, `size` at a time, the first `behind` of them left out."""
        self._store()
        rows = self._file.execute(
            "SELECT day, source, campaign, ad, micros, currency FROM costs ORDER BY day, source, campaign, ad "
            "LIMIT -1 OFFSET ?",
            (behind,),
        )
        while found := rows.fetchmany(size):
            yield [
                Cost(SpendKey(date.fromisoformat(day), *names), micros, currency)
                for day, *names, micros, currency in found
            ]

    def _store(self) -> None:
        self._file.executemany(_ADD, self._waiting)
        self._waiting.clear()
