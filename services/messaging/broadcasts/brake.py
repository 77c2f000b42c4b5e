"""How carefully a broadcast begins, and what its brake looks at. Pure.

The brake itself is in the step that takes a call out of its outbox (`hand_over_outcomes.lua`): whoever writes outcomes down hears
of them later, and meanwhile more would leave.
"""

from __future__ import annotations

from typing import Final

WINDOW: Final = 200  # the last outcomes that are looked at
FEWEST: Final = 20  # of which nothing is said before
FIRST: Final = 40  # people who may be under way while nothing is known yet
EVERYBODY: Final = 1_000_000


class Brake:
    """A broadcast with a limit begins with few people, and takes on as many as it has heard of; without one, at once."""

    def __init__(self, limit_percent: int) -> None:
        self.is_on = limit_percent > 0
        self._seen = 0

    def note(self) -> None:
        """One more outcome."""
        self._seen += 1

    @property
    def room(self) -> int:
        """How many people may be under way."""
        return max(FIRST, self._seen) if self.is_on else EVERYBODY
