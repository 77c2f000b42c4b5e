"""The moments at which a chat that waits, or a whole bot, is to be looked at again."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from itertools import count


class WakeTimes:
    """An entry names a bot and one of its chats, or None for the whole bot. Moments are on the owner's clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, int, str | None]] = []
        self._sequence = count()

    def add(self, moment: float, bot_id: int, chat: str | None) -> None:
        """Have the chat, or the bot, looked at at `moment`."""
        heapq.heappush(self._heap, (moment, next(self._sequence), bot_id, chat))

    @property
    def first(self) -> float | None:
        """The earliest moment; None when nothing waits for time."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> Iterator[tuple[int, str | None]]:
        """Take out whose moment has come, the earliest first."""
        while self._heap and self._heap[0][0] <= now:
            _, _, bot_id, chat = heapq.heappop(self._heap)
            yield bot_id, chat

    def by_bot(self) -> dict[int, float]:
        """The earliest moment of each bot."""
        found: dict[int, float] = {}
        for moment, _, bot_id, _ in self._heap:
            found[bot_id] = min(moment, found.get(bot_id, moment))
        return found


class RunTimes:
    """Since when the chats at work have been so, until they count as slow after `slow_after` seconds."""

    def __init__(self, slow_after: float) -> None:
        self._slow_after = slow_after
        self._since: dict[tuple[int, str], float] = {}  # by bot and chat, the longest at work first

    def start(self, bot_id: int, chat: str, now: float) -> None:
        """The chat is at work from now on."""
        self._since[bot_id, chat] = now

    def end(self, bot_id: int, chat: str) -> None:
        """It is no longer."""
        self._since.pop((bot_id, chat), None)

    def slow(self, now: float) -> Iterator[tuple[int, str]]:
        """Take out the chats that have become slow."""
        while self._since:
            place, since = next(iter(self._since.items()))
            if now - since < self._slow_after:
                return
            del self._since[place]
            yield place

    def next_slow(self, bot_id: int | None = None) -> float | None:
        """When the first one, of one bot or of all, becomes slow; None when nothing runs or nothing is ever slow."""
        for (each, _), since in self._since.items():
            if bot_id in (None, each):
                return None if math.isinf(self._slow_after) else since + self._slow_after
        return None
