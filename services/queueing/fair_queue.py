"""Who is next: in order within a chat, lower ranks first within a bot, bots by turns. Pure: no I/O, no clock.

Used for updates on their way in and for messages on their way out. Not thread-safe: the owner holds a lock.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count
from typing import Generic, Protocol, TypeVar


class Entry(Protocol):
    """Something to be done for a chat of a bot; a lower `rank` goes first."""

    @property
    def bot_id(self) -> int: ...
    @property
    def chat(self) -> str: ...
    @property
    def rank(self) -> int: ...


Item = TypeVar("Item", bound=Entry)
RANKS = 3


@dataclass(frozen=True)
class Wait:
    """A gate's refusal: not before `until`, for the chat alone or what the `whole_bot` has of this rank and later ones."""

    until: float
    whole_bot: bool = False


Gate = Callable[[Item, float], Wait | None]


class _State(Enum):
    READY = auto()
    RUNNING = auto()
    WAITING = auto()


@dataclass
class _Chat(Generic[Item]):
    queues: tuple[deque[Item], ...] = field(default_factory=lambda: tuple(deque() for _ in range(RANKS)))
    state: _State = _State.READY
    running: Item | None = None
    slow: bool = False  # what runs has run so long that it counts for no bound any more

    @property
    def first(self) -> Item | None:
        return next((queue[0] for queue in self.queues if queue), None)


@dataclass
class _Bot(Generic[Item]):
    chats: dict[str, _Chat[Item]] = field(default_factory=dict)
    ready: tuple[deque[str], ...] = field(default_factory=lambda: tuple(deque() for _ in range(RANKS)))
    size: int = 0
    running: int = 0
    listed: bool = False  # stands in the ring of bots
    saturated: bool = False  # at its bound, and to be looked at again when the longest at work becomes slow
    paused_until: list[float] = field(default_factory=lambda: [0.0] * RANKS)  # never falls with the rank


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
        self._slow = slow
        self._started: dict[tuple[int, str], float] = {}  # not yet slow, the longest at work first
        self.saturated = False  # the owner has nobody free: wanted is the moment when something becomes slow
        self._in_order = in_order
        self._gate = gate
        self._bots: dict[int, _Bot[Item]] = {}
        self._ring: deque[int] = deque()
        self._waiting: list[tuple[float, int, int, str | None]] = []
        self._sequence = count()
        self._size = 0
        self.running = 0
        self.slow = 0  # of the running ones

    def __len__(self) -> int:
        """Items not yet done, the running ones included."""
        return self._size

    def add(self, item: Item) -> None:
        """Queue `item` behind all of its chat and rank."""
        bot = self._bots.setdefault(item.bot_id, _Bot())
        chat = bot.chats.setdefault(item.chat, _Chat())
        queue = self._queue_of(chat, item)
        queue.append(item)
        self._size += 1
        bot.size += 1
        if chat.state is _State.READY and len(queue) == 1:
            self._list(item.bot_id, bot, item.chat, item.rank)

    def take(self, now: float) -> Item | None:
        """The next item that may run; its chat stands still until `done` or `retry`."""
        self._wake(now)
        while self._ring:
            bot_id = self._ring.popleft()
            bot = self._bots[bot_id]
            bot.listed = False
            if bot.running >= self._per_bot:
                continue  # listed again by `done`
            item = self._next_of(bot_id, bot, now)
            if item is not None:
                self._relist(bot_id, bot)
                return item
            self._forget(bot_id, bot, now)  # what is held or paused is listed again by `_wake`
        return None

    def done(self, item: Item) -> None:
        """`item` is settled; its chat may go on."""
        bot, chat = self._stop(item)
        self._queue_of(chat, item).popleft()
        self._size -= 1
        bot.size -= 1
        if chat.first is None:
            del bot.chats[item.chat]
            self._forget(item.bot_id, bot, 0.0)
        else:
            self._make_ready(item.bot_id, bot, item.chat, chat)
        self._relist(item.bot_id, bot)

    def retry(self, item: Item, until: float) -> None:
        """Try `item` again at `until`; until then its chat waits."""
        bot, chat = self._stop(item)
        self._hold(item.bot_id, item.chat, chat, until)
        self._relist(item.bot_id, bot)

    def is_running(self, item: Item) -> bool:
        """Whether `take` gave the item out and it was neither done nor put off since."""
        bot = self._bots.get(item.bot_id)
        chat = bot.chats.get(item.chat) if bot else None
        return chat is not None and chat.running is item

    def next_wake(self) -> float | None:
        """The moment the earliest waiting chat or bot may go on; None when nothing waits for time."""
        moments = [self._waiting[0][0]] if self._waiting else []
        if self.saturated and self._started and self._slow < math.inf:
            moments.append(next(iter(self._started.values())) + self._slow)
        return min(moments, default=None)

    def wakes(self) -> dict[int, float]:
        """Bots with waiting items and the moment the first of them is due."""
        found: dict[int, float] = {}
        for moment, _, bot_id, _ in self._waiting:
            found[bot_id] = min(moment, found.get(bot_id, moment))
        return found

    def startable(self, now: float) -> bool:
        """Whether `take` may well find something."""
        self._wake(now)
        return bool(self._ring)

    def size_of(self, bot_id: int) -> int:
        """How many items of the bot are not yet done."""
        bot = self._bots.get(bot_id)
        return bot.size if bot else 0

    def _next_of(self, bot_id: int, bot: _Bot[Item], now: float) -> Item | None:
        for rank, ready in enumerate(bot.ready):
            while ready and bot.paused_until[rank] <= now:
                name = ready.popleft()
                chat = bot.chats.get(name)
                if chat is None or chat.state is not _State.READY:
                    continue  # listed under both ranks and already served
                item = chat.first
                if item is None:
                    continue
                wait = self._gate(item, now)
                if wait is None:
                    chat.state, chat.running = _State.RUNNING, item
                    self._started[bot_id, name] = now
                    bot.running += 1
                    self.running += 1
                    return item
                if wait.whole_bot:
                    ready.appendleft(name)
                    self._pause(bot_id, bot, rank, wait.until)
                    return None
                self._hold(bot_id, name, chat, wait.until)
        return None

    def _stop(self, item: Item) -> tuple[_Bot[Item], _Chat[Item]]:
        bot = self._bots[item.bot_id]
        chat = bot.chats[item.chat]
        chat.running = None
        self._started.pop((item.bot_id, item.chat), None)
        bot.running -= not chat.slow
        self.slow -= chat.slow
        chat.slow = False
        self.running -= 1
        return bot, chat

    def _hold(self, bot_id: int, name: str, chat: _Chat[Item], until: float) -> None:
        chat.state = _State.WAITING
        heapq.heappush(self._waiting, (until, next(self._sequence), bot_id, name))

    def _pause(self, bot_id: int, bot: _Bot[Item], first: int, until: float) -> None:
        for rank in range(first, RANKS):
            bot.paused_until[rank] = max(bot.paused_until[rank], until)
        heapq.heappush(self._waiting, (until, next(self._sequence), bot_id, None))

    def _mark_slow(self, now: float) -> None:
        """Count what has run for long no more."""
        while self._started:
            (bot_id, name), since = next(iter(self._started.items()))
            if now - since < self._slow:
                return
            del self._started[bot_id, name]
            bot = self._bots[bot_id]
            bot.chats[name].slow = True
            bot.running -= 1
            self.slow += 1
            self._relist(bot_id, bot)

    def _wake(self, now: float) -> None:
        self._mark_slow(now)
        while self._waiting and self._waiting[0][0] <= now:
            _, _, bot_id, name = heapq.heappop(self._waiting)
            bot = self._bots.get(bot_id)
            if bot is None:
                continue
            if name is None:
                bot.saturated = False
            if name is not None:
                chat = bot.chats.get(name)
                if chat is not None and chat.state is _State.WAITING:
                    self._make_ready(bot_id, bot, name, chat)
            self._relist(bot_id, bot)
            self._forget(bot_id, bot, now)

    def _make_ready(self, bot_id: int, bot: _Bot[Item], name: str, chat: _Chat[Item]) -> None:
        chat.state = _State.READY
        if chat.first is not None:
            self._list(bot_id, bot, name, chat.first.rank)

    def _queue_of(self, chat: _Chat[Item], item: Item) -> deque[Item]:
        return chat.queues[0 if self._in_order else item.rank]

    def _list(self, bot_id: int, bot: _Bot[Item], name: str, rank: int) -> None:
        bot.ready[rank].append(name)
        self._relist(bot_id, bot)

    def _relist(self, bot_id: int, bot: _Bot[Item]) -> None:
        if bot.listed or not any(bot.ready):
            return
        if bot.running < self._per_bot:
            bot.listed = True
            self._ring.append(bot_id)
        elif self._slow < math.inf and not bot.saturated:
            bot.saturated = True
            first = next(since for (each, _), since in self._started.items() if each == bot_id)
            heapq.heappush(self._waiting, (first + self._slow, next(self._sequence), bot_id, None))

    def _forget(self, bot_id: int, bot: _Bot[Item], now: float) -> None:
        if not bot.chats and not bot.listed and bot.paused_until[-1] <= now:
            self._bots.pop(bot_id, None)
