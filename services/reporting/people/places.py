"""Cursors of lists that are ordered by a moment, the latest first: the moment, and what tells apart those of one moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from services.core.errors import InvalidInput

START: Final = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR: Final = re.compile(r"([0-9]{1,17})-([0-9]{1,18})", re.ASCII)


class Place(NamedTuple):
    """Where a page ended."""

    at: datetime
    number: int

    @property
    def cursor(self) -> str:
        """For the page that follows."""
        return f"{(self.at - START) // timedelta(microseconds=1)}-{self.number}"


def not_ours() -> InvalidInput:
    """The error for a cursor that no page named."""
    return InvalidInput("This cursor is none of ours; take `next` of the page before", field="cursor")


def place_of(cursor: str) -> Place | None:
    """The place that a page named; None for none. InvalidInput for anything else."""
    if not cursor:
        return None
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise not_ours()
    return Place(START + timedelta(microseconds=int(found[1])), int(found[2]))
