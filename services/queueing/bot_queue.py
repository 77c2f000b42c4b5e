"""One bot's part of a fair queue: its chats, which of them may go on, and which wait for time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar

from services.queueing.wake_times import WakeTimes


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


@dataclass(slots=True)
class _Chat(Generic[Item]):
    """`queues` by rank, one in all where the chat keeps its order: most chats have a single item in their life."""

    queues: list[deque[Item]]
    state: _State = _State.READY
    running: Item | None = None
    slow: bool = False  # what runs has run so long that it counts for no bound any more

    @property
    def first(self) -> Item | None:
        for queue in self.queues:
            if queue:
                return queue[0]
        return None


class BotQueue(Generic[Item]):
    """One bot's items by chat. A chat is ready, running (one item at a time), or waiting for its moment in `wakes`.

    The fair queue decides when the bot has its turn; `listed` and `saturated` are its notes.
    """

    def __init__(self, bot_id: int, gate: Gate[Item], wakes: WakeTimes, *, in_order: bool) -> None:
        self.bot_id = bot_id
        self._gate = gate
        self._wakes = wakes
        self._in_order = in_order
        self._queues = range(1 if in_order else RANKS)  # of each chat
        self._chats: dict[str, _Chat[Item]] = {}
        self._ready: tuple[deque[str], ...] = tuple(deque() for _ in range(RANKS))
        self._paused_until = [0.0] * RANKS  # by rank, never falling with it
        self.size = 0
        self.running = 0  # without the slow ones
        self.listed = False  # stands in the ring of bots
        self.saturated = (
            False  # at its bound, and to be looked at again when the longest at work becomes slow
        )

    @property
    def has_ready(self) -> bool:
        """Whether a turn of this bot may find something."""
        return any(self._ready)

    def is_over(self, now: float) -> bool:
        """Whether nothing of it is left to remember."""
        return not self._chats and not self.listed and self._paused_until[-1] <= now

    def add(self, item: Item) -> bool:
        """Queue `item` behind all of its chat and rank; whether it made the chat ready."""
        chat = self._chats.get(item.chat)
        if chat is None:
            queues: list[deque[Item]] = [deque() for _ in self._queues]
            chat = self._chats[item.chat] = _Chat(queues)
        queue = self._queue_of(chat, item)
        queue.append(item)
        self.size += 1
        becomes_ready = chat.state is _State.READY and len(queue) == 1
        if becomes_ready:
            self._ready[item.rank].append(item.chat)
        return becomes_ready

    def take(self, now: float) -> Item | None:
        """The next item that the gate lets pass, at work from now on; what it holds back waits."""
        for rank, ready in enumerate(self._ready):
            while ready and self._paused_until[rank] <= now:
                name = ready.popleft()
                chat = self._chats.get(name)
                item = chat.first if chat is not None and chat.state is _State.READY else None
                if chat is None or item is None:
                    continue  # listed under both ranks and already served
                if item.rank > rank and not self._in_order:  # as above, but for what is left: in its own turn
                    self._ready[item.rank].append(name)
                    continue
                wait = self._gate(item, now)
                if wait is None:
                    chat.state, chat.running = _State.RUNNING, item
                    self.running += 1
                    return item
                if wait.whole_bot:
                    ready.appendleft(name)
                    self._pause(rank, wait.until)
                    return None
                self._hold(name, chat, wait.until)
        return None

    def stop(self, item: Item) -> bool:
        """`item` is no longer at work; whether it had become slow."""
        chat = self._chats[item.chat]
        chat.running = None
        was_slow, chat.slow = chat.slow, False
        self.running -= not was_slow
        return was_slow

    def remove(self, item: Item) -> None:
        """A stopped item is settled: its chat may go on."""
        chat = self._chats[item.chat]
        self._queue_of(chat, item).popleft()
        self.size -= 1
        if chat.first is None:
            del self._chats[item.chat]
        else:
            self._make_ready(item.chat, chat)

    def hold(self, item: Item, until: float) -> None:
        """A stopped item is tried again at `until`; its chat waits."""
        self._hold(item.chat, self._chats[item.chat], until)

    def wake(self, name: str) -> None:
        """The chat's moment has come."""
        chat = self._chats.get(name)
        if chat is not None and chat.state is _State.WAITING:
            self._make_ready(name, chat)

    def mark_slow(self, name: str) -> None:
        """What runs for the chat counts for no bound any more."""
        self._chats[name].slow = True
        self.running -= 1

    def is_running(self, item: Item) -> bool:
        """Whether it is at work."""
        chat = self._chats.get(item.chat)
        return chat is not None and chat.running is item

    def _queue_of(self, chat: _Chat[Item], item: Item) -> deque[Item]:
        return chat.queues[0 if self._in_order else item.rank]

    def _make_ready(self, name: str, chat: _Chat[Item]) -> None:
        chat.state = _State.READY
        if chat.first is not None:
            self._ready[chat.first.rank].append(name)

    def _hold(self, name: str, chat: _Chat[Item], until: float) -> None:
        chat.state = _State.WAITING
        self._wakes.add(until, self.bot_id, name)

    def _pause(self, first_rank: int, until: float) -> None:
        for rank in range(first_rank, RANKS):
            self._paused_until[rank] = max(self._paused_until[rank], until)
        self._wakes.add(until, self.bot_id, None)
