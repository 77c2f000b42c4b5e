"""What is wrong with a bot's file, and exactly where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from services.core.i18n import Text


@dataclass(frozen=True, order=True)
class Place:
    """A line and a column, both counted from 1."""

    line: int
    column: int


START = Place(1, 1)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in `file`: a stable `code`, and what it is and what to do. Never with a secret value."""

    file: str
    place: Place
    code: str
    reason: Text

    def __str__(self) -> str:
        return f"{self.file}:{self.place.line}:{self.place.column}: {self.reason} ({self.code})"


class Wrong(Exception):
    """Something at `place` of the file being read; the reader knows which file it is."""

    def __init__(self, place: Place, code: str, reason: Text) -> None:
        self.place = place
        self.code = code
        self.reason = reason
        super().__init__(code)

    def of(self, file: str) -> Problem:
        """It as a problem of `file`."""
        return Problem(file, self.place, self.code, self.reason)


class FileRefused(Exception):
    """A file that is not applied, with everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: one.place))
        super().__init__("; ".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be; "" when there is none."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), "")
