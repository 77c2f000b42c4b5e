"""Spreading a broadcast's messages evenly over time. Pure: time comes in as seconds on any steady clock.

Outboxes are given a second's worth of a broadcast at once. All of it sent as soon as it is there, a reply that comes just then
waits behind it: for the processor, for connections, and at Telegram. So each bot has turns, one per message of its rate, and the
turns of bots lie beside each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

LONGEST_GAP_SECONDS: Final = 0.1  # slower broadcasts are slow enough by what outboxes are given
SPREAD: Final = 0.618034  # multiples of it, less whole numbers, lie evenly between 0 and 1

ROUNDING: Final = 1e-6  # of a turn: a moment that is exactly its beginning belongs to it


@dataclass
class _Last:
    turn: int
    waits: bool = False  # somebody was told to come again for the next one


class EvenTurns:
    """The turns of all bots that one holder sends for."""

    def __init__(self) -> None:
        self._last: dict[int, _Last] = {}

    def ready_at(self, bot_id: int, per_second: float, now: float) -> float:
        """The moment from which the bot's next message may go; `now` when it may at once. Whoever comes first waits for a turn, too."""
        gap = min(LONGEST_GAP_SECONDS, 1.0 / per_second)
        turn = self._turn(bot_id, gap, now)
        last = self._last.get(bot_id)
        if last is not None and last.waits and turn != last.turn:
            return now
        self._last[bot_id] = _Last(turn, waits=True)
        return (turn + 1 + self._phase(bot_id)) * gap

    def take(self, bot_id: int, per_second: float, now: float) -> None:
        """A message goes."""
        gap = min(LONGEST_GAP_SECONDS, 1.0 / per_second)
        self._last[bot_id] = _Last(self._turn(bot_id, gap, now))

    def _turn(self, bot_id: int, gap: float, now: float) -> int:
        return math.floor(now / gap - self._phase(bot_id) + ROUNDING)

    @staticmethod
    def _phase(bot_id: int) -> float:
        return bot_id * SPREAD % 1.0
