"""What an attack is, how much of it is done, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.attack.target import Target

SQLITE, POSTGRESQL = "sqlite", "postgresql"
BACKGROUND, WEB = ("worker", "clock", "poller"), ("web",)


@dataclass(frozen=True)
class Row:
    """One line of the table; `held` is None where the attack could not be made, and `figure` says why."""

    sent: str
    must_hold: str
    held: bool | None
    figure: str = ""
    attack: str = ""
    database: str = ""


@dataclass(frozen=True)
class Jump:
    """Programs whose clocks are wrong, and by how many seconds."""

    programs: tuple[str, ...]
    seconds: int

    def __str__(self) -> str:
        return f"clocks of {', '.join(self.programs)} {abs(self.seconds) // 60} min {'ahead' if self.seconds > 0 else 'behind'}"


@dataclass(frozen=True)
class Size:
    """How much an attack sends. The same seed sends the same."""

    seed: int
    updates: int  # hostile ones, in each mode
    connections: int  # half requests held at once
    seconds: float  # of whatever lasts: half requests, a database away
    long_text: int  # bytes of the longest text
    pieces: int  # that long texts are made of
    cases: int  # requests per operation of the API
    keys: int  # of the Idempotency-Key flood
    sign_ins: int
    jumps: tuple[Jump, ...]


JUMPS = (
    Jump(BACKGROUND, 3 * 3600),
    Jump(BACKGROUND, -3 * 3600),
    Jump(WEB, 3 * 3600),
    Jump(
        WEB, -4 * 60
    ),  # a click that is older than its pool by more than five minutes is taken for a former pool's
)
FULL = Size(1, 6000, 1005, 20.0, 60_000, 19, 40, 3000, 200, JUMPS)
SHORT = Size(1, 200, 300, 1.5, 30_000, 5, 4, 150, 16, JUMPS[1:2])


class Impossible(Exception):
    """An attack that this machine does not allow; the message says why."""


@dataclass(frozen=True)
class Attack:
    """A named attack. One that is `prepared` has an installation of its own in the folder so prepared, and may leave it broken."""

    name: str
    run: Callable[[Target, Size], Iterator[Row]]
    databases: tuple[str, ...] = (SQLITE, POSTGRESQL)
    short_on: str = SQLITE  # the one database of the short run
    prepared: Callable[[Path], AbstractContextManager[None]] | None = None  # may raise Impossible
