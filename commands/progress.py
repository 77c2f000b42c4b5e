"""A bar at a terminal; elsewhere nothing."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

WIDTH: Final = 30
REDRAW_SECONDS: Final = 0.1


class Bar:
    """How far something is, in bytes; a context that leaves the line clean."""

    def __init__(self, title: str, *, hidden: bool = False) -> None:
        self._title = title
        self._shown = sys.stderr.isatty() and not hidden
        self._total = self._done = 0
        self._drawn_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._drawn_at:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def total(self, size: int) -> None:
        """So many bytes will come."""
        self._total = size

    def done(self, size: int) -> None:
        """So many more have."""
        self._done += size
        now = time.monotonic()
        if self._shown and now - self._drawn_at > REDRAW_SECONDS:
            self._drawn_at = now
            sys.stderr.write(f"\r{self.line()}\033[K")
            sys.stderr.flush()

    def line(self) -> str:
        """The bar as text; without a known total only the bytes."""
        size = f"{self._done / 2**20:.0f} MB"
        if not self._total:
            return f"{self._title} {size}"
        share = min(1.0, self._done / self._total)
        filled = round(share * WIDTH)
        return f"{self._title} [{'#' * filled}{'.' * (WIDTH - filled)}] {share:.0%} {size}"
