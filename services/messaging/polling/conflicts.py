"""Whether another program uses a bot's token: Telegram answers 409 to one of two that poll, and while a webhook is set."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from services.messaging.polling.timings import PollTimings

MANY: Final = 2  # the first may be our own predecessor's poll that Telegram still holds open


@dataclass
class Conflicts:
    """The conflicts of one bot's polls. A success alone says nothing: of two programs that cut each other's polls off, the
    later one succeeds.
    """

    number: int = 0  # that came less than `peace` after one another, and were not ours
    are_told: bool = False  # to the bot's owner
    _since: float = 0.0  # when the first of those came; monotonic
    _last: float = float("-inf")

    @property
    def are_many(self) -> bool:
        """Whether another program is to be told of."""
        return self.number >= MANY

    def note(self, timings: PollTimings, *, may_be_ours: bool) -> None:
        """A conflict; of a webhook that may be our own it counts when the reconciler has had time to remove that."""
        now = time.monotonic()
        if now - self._last >= timings.peace:
            self._since = now
        self._last = now
        if not (may_be_ours and now - self._since < timings.removal):
            self.number += 1

    def note_success(self, timings: PollTimings) -> None:
        """A poll that was answered."""
        if time.monotonic() - self._last >= timings.peace:
            self.number, self.are_told = 0, False
