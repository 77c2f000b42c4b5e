"""What a copy writes, made fit to be shown: lines of bounded length and number, without the secrets that it was told."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from services.core.redaction import HIDDEN, redact_text

LONGEST_READ: Final = 8192  # bytes of a line that are looked at
LONGEST_LINE: Final = 1000  # characters of it that are kept
MOST_AT_ONCE: Final = 200  # lines between two `take`s; what is more is counted
LAST_LINES: Final = 20  # that an exit is told with
SHORTEST_SECRET: Final = 6  # characters; hiding every "1" would leave nothing readable
PREFIX: Final = 64  # characters by which a longer secret is known, so that a cut one is too
NO_SECRETS: Final = frozenset(
    ("API_URL", "BOT_ID", "CONSUMER_GROUP", "INCOMING_STREAM", "LANG", "OUTGOING_STREAM", "PATH")
)


class Output:
    """The output of one copy. `feed` is for the thread that reads it, the others are for whoever keeps it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._secrets = _pattern(value for name, value in environment.items() if name not in NO_SECRETS)
        self._lock = threading.Lock()
        self._open = b""
        self._new: list[str] = []
        self._left_out = 0
        self._last: deque[str] = deque(maxlen=LAST_LINES)

    def feed(self, chunk: bytes) -> None:
        """Take what the copy wrote, in whatever pieces; b"" says that it writes no more."""
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            self._add(self._open + line)
            self._open = b""
        self._open = (self._open + rest)[: LONGEST_READ + 1]
        if not chunk and self._open:
            self._add(self._open)
            self._open = b""

    def take(self) -> list[str]:
        """The lines since the last time, MOST_AT_ONCE at most and how many were left out."""
        with self._lock:
            lines, left_out, self._new, self._left_out = self._new, self._left_out, [], 0
        return [*lines, f"… {left_out} lines left out"] if left_out else lines

    def last(self) -> list[str]:
        """The last lines of all."""
        with self._lock:
            return list(self._last)

    def _add(self, line: bytes) -> None:
        text = line[:LONGEST_READ].decode(errors="replace").rstrip()
        text = redact_text(self._secrets.sub(HIDDEN, text) if self._secrets else text)
        kept = text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + "…"
        with self._lock:
            self._last.append(kept)
            if len(self._new) < MOST_AT_ONCE:
                self._new.append(kept)
            else:
                self._left_out += 1


def _pattern(values: Iterable[str]) -> re.Pattern[str] | None:
    """What finds the secrets, the longest first, each line of one that has several by itself."""
    lines = {line.strip() for value in values for line in value.splitlines()}
    known = sorted((line for line in lines if len(line) >= SHORTEST_SECRET), key=len, reverse=True)
    found = [re.escape(line) if len(line) <= PREFIX else re.escape(line[:PREFIX]) + r"\S*" for line in known]
    return re.compile("|".join(found)) if found else None
