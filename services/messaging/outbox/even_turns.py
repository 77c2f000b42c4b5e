"""Spreading the messages of broadcasts evenly over time. Pure: time comes in as seconds on any steady clock.

Outboxes are given a second's worth of a broadcast at once. All of it sent as soon as it is there, a reply that comes just then
waits behind it: for the processor, for connections, and at Telegram. So each bot has turns, one per message of its rate, and no
two turns of a process are at the same moment: they follow each other as closely as the process keeps up with them. Whether it
does is seen by how late it comes to a turn: whatever is ready to run is served in a circle, so a turn that comes late says that
replies are late by as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LONGEST_GAP_SECONDS: Final = 0.1  # slower broadcasts are slow enough by what outboxes are given
FIRST_GAP: Final = 0.005  # between two turns of a process that has not shown yet how many it can serve
SHORTEST_GAP, WIDEST_GAP = 0.0005, 0.02
LATE_SECONDS: Final = 0.002  # what a process at leisure needs to come to a turn
FORGOTTEN_SECONDS: Final = (
    0.5  # a turn that nobody came to for so long says nothing: its bot was paused, or had no more
)
PATIENCE_SECONDS: Final = (
    0.25  # that a turn waits for replies: where one follows the other, a broadcast goes on slowly
)
# What the gap is multiplied by after a turn in time and after a late one. They balance where half of the turns are late, and
# where one of nineteen is: a reply takes several steps, each of which may be late.
ALONE: Final = (0.97, 1.03)
BESIDE_REPLIES: Final = (0.99, 1.2)
ROUNDING: Final = 1e-6


@dataclass
class _Bot:
    last: float  # its last turn
    next: float | None = None  # the one that it waits for
    patience: float = 0.0  # until when it gives way to replies


class EvenTurns:
    """The turns of all bots that one process sends for."""

    def __init__(self) -> None:
        self._bots: dict[int, _Bot] = {}
        self._last = 0.0  # turn of any bot
        self._gap = FIRST_GAP

    def ready_at(self, bot_id: int, per_second: float, now: float, *, is_answering: bool = False) -> float:
        """The moment from which the bot's next message may go; `now` when it may at once. Whoever comes first waits for a turn, too.

        While somebody `is_answering`, a turn that has come waits as well, for PATIENCE_SECONDS at most.
        """
        bot = self._bots.get(bot_id)
        if bot is None:
            bot = self._bots[bot_id] = _Bot(last=now - LONGEST_GAP_SECONDS)
        if bot.next is None:
            own = bot.last + min(LONGEST_GAP_SECONDS, 1.0 / per_second)
            bot.next = self._last = max(own, max(now, self._last) + self._gap)
        if bot.next > now + ROUNDING:
            return bot.next
        bot.patience = bot.patience or now + PATIENCE_SECONDS
        if not is_answering or now >= bot.patience:
            return now
        bot.next = self._last = max(now, self._last) + self._gap  # not with all others who give way now
        return bot.next

    def take(self, bot_id: int, per_second: float, now: float, *, beside_replies: bool = False) -> None:
        """A message goes; `beside_replies` where the process has answered somebody a moment ago."""
        bot = self._bots[bot_id]
        turn = now if bot.next is None else bot.next
        late = now - turn
        if late < FORGOTTEN_SECONDS:
            factors = BESIDE_REPLIES if beside_replies else ALONE
            gap = self._gap * factors[late > LATE_SECONDS]
            self._gap = min(WIDEST_GAP, max(SHORTEST_GAP, gap))
        is_in_step = late < 1.0 / per_second  # then being late takes nothing off the rate
        bot.last, bot.next, bot.patience = turn if is_in_step else now, None, 0.0
