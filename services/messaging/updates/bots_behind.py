"""Bots of which a lane holds more than may be in memory at once; what is beyond is read when there is room again.

Without a bound for each, one bot whose handlers are slower than its people fills what its lane may hold in memory, and all
others in the lane go on at its pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

IN_MEMORY: Final = 512  # updates of one bot in a lane; some more with those of the last reading
ROOM_AT: Final = IN_MEMORY // 2  # in memory, from which on more is read: whole pages, seldom


class BotsBehind:
    """The bots of one lane that are behind, and where the rest of each begins. `in_memory` tells how many updates of a bot are
    not done. For the lane's reader alone: not thread-safe.

    As long as a bot is behind nothing of it is admitted past its rest: chats keep their order.
    """

    def __init__(self, in_memory: Callable[[int], int]) -> None:
        self._in_memory = in_memory
        self._rests: dict[int, str] = {}  # bot -> where to read on, as XRANGE has it; who waits longest first

    def __len__(self) -> int:
        return len(self._rests)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rests)

    def admits(self, bot_id: int, entry_id: str) -> bool:
        """Whether a new entry goes into memory; if not, the rest of its bot begins there at the latest."""
        if bot_id in self._rests:
            return False
        if self._in_memory(bot_id) < IN_MEMORY:
            return True
        self._rests[bot_id] = entry_id
        return False

    def next_rest(self) -> tuple[int, str] | None:
        """A bot behind that has room, and where to read on for it."""
        for bot_id, rest in self._rests.items():
            if self._in_memory(bot_id) <= ROOM_AT:
                return bot_id, rest
        return None

    def read_up_to(self, bot_id: int, entry_id: str) -> None:
        """The rest of the bot begins behind this entry now; others have their turn first."""
        del self._rests[bot_id]
        self._rests[bot_id] = f"({entry_id}"

    def caught_up(self, bot_id: int) -> None:
        """Of the bot everything is in memory that was read of the lane."""
        del self._rests[bot_id]

    def clear(self) -> None:
        """Everything is read again."""
        self._rests.clear()
