"""Who is next: in order within a chat, lower ranks first within a bot, bots by turns. Pure: no I/O, no clock.

Used for updates on their way in and for messages on their way out. Not thread-safe: the owner holds a lock.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Generic

from services.queueing.bot_queue import BotQueue, Gate, Item
from services.queueing.wake_times import RunTimes, WakeTimes


class FairQueue(Generic[Item]):
    """Waiting work of many bots. `per_bot` bounds how much of one bot runs at once; `gate` may make an item wait.

    A lower rank goes first within its chat, too, unless `in_order`: then a chat keeps its order, and goes before the
    bot's other chats as soon as the item at its head has the lower rank. What has run for `slow` seconds no longer counts
    against `per_bot`, so that slow work delays its own chat only.
    """

    def __init__(
        self,
        *,
        per_bot: int,
        gate: Gate[Item] = lambda _item, _now: None,
        in_order: bool = False,
        slow: float = math.inf,
    ) -> None:
        self._per_bot = per_bot
        self._gate = gate
        self._in_order = in_order
        self._bots: dict[int, BotQueue[Item]] = {}
        self._ring: deque[BotQueue[Item]] = deque()  # bots that may have something to start, by turns
        self._wakes = WakeTimes()
        self._run_times = RunTimes(slow)
        self._size = 0
        self.running = 0
        self.slow = 0  # of the running ones
        self.saturated = False  # the owner has nobody free: wanted is the moment when something becomes slow

    def __len__(self) -> int:
        """Items not yet done, the running ones included."""
        return self._size

    def add(self, item: Item) -> None:
        """Queue `item` behind all of its chat and rank."""
        bot = self._bots.get(item.bot_id)
        if bot is None:
            bot = BotQueue(item.bot_id, self._gate, self._wakes, in_order=self._in_order)
            self._bots[item.bot_id] = bot
        self._size += 1
        if bot.add(item):
            self._list(bot)

    def take(self, now: float) -> Item | None:
        """The next item that may run; its chat stands still until `done` or `retry`."""
        self._wake(now)
        while self._ring:
            bot = self._ring.popleft()
            bot.listed = False
            if bot.running >= self._per_bot:
                continue  # listed again by `done`
            item = bot.take(now)
            if item is not None:
                self.running += 1
                self._run_times.start(item.bot_id, item.chat, now)
                self._list(bot)
                return item
            self._forget(bot, now)  # what is held or paused is listed again by `_wake`
        return None

    def done(self, item: Item) -> None:
        """`item` is settled; its chat may go on."""
        bot = self._stop(item)
        bot.remove(item)
        self._size -= 1
        self._list(bot)
        self._forget(bot, 0.0)

    def retry(self, item: Item, until: float) -> None:
        """Try `item` again at `until`; until then its chat waits."""
        bot = self._stop(item)
        bot.hold(item, until)
        self._list(bot)

    def is_running(self, item: Item) -> bool:
        """Whether `take` gave the item out and it was neither done nor put off since."""
        bot = self._bots.get(item.bot_id)
        return bot is not None and bot.is_running(item)

    def next_wake(self) -> float | None:
        """The moment the earliest waiting chat or bot may go on; None when nothing waits for time."""
        first = self._wakes.first
        slow = self._run_times.next_slow() if self.saturated else None
        return slow if first is None else first if slow is None else min(first, slow)

    def wakes(self) -> dict[int, float]:
        """Bots with waiting items and the moment the first of them is due."""
        return self._wakes.by_bot()

    def startable(self, now: float) -> bool:
        """Whether `take` may well find something."""
        self._wake(now)
        return bool(self._ring)

    def size_of(self, bot_id: int) -> int:
        """How many items of the bot are not yet done."""
        bot = self._bots.get(bot_id)
        return bot.size if bot else 0

    def _stop(self, item: Item) -> BotQueue[Item]:
        bot = self._bots[item.bot_id]
        self._run_times.end(item.bot_id, item.chat)
        self.running -= 1
        self.slow -= bot.stop(item)
        return bot

    def _wake(self, now: float) -> None:
        self._mark_slow(now)
        for bot_id, chat in self._wakes.due(now):
            bot = self._bots.get(bot_id)
            if bot is None:
                continue
            if chat is None:
                bot.saturated = False
            else:
                bot.wake(chat)
            self._list(bot)
            self._forget(bot, now)

    def _mark_slow(self, now: float) -> None:
        """Count what has run for long no more."""
        for bot_id, chat in self._run_times.slow(now):
            bot = self._bots[bot_id]
            bot.mark_slow(chat)
            self.slow += 1
            self._list(bot)

    def _list(self, bot: BotQueue[Item]) -> None:
        """Give the bot a turn if it may start something; at its bound, as soon as something of it becomes slow."""
        if bot.listed or not bot.has_ready:
            return
        if bot.running < self._per_bot:
            bot.listed = True
            self._ring.append(bot)
        elif not bot.saturated and (moment := self._run_times.next_slow(bot.bot_id)) is not None:
            bot.saturated = True
            self._wakes.add(moment, bot.bot_id, None)

    def _forget(self, bot: BotQueue[Item], now: float) -> None:
        if bot.is_over(now):
            self._bots.pop(bot.bot_id, None)
