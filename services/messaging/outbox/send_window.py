"""How many messages of a process may be on their way to Telegram, or sent and not settled, at one moment.

Whoever takes over from a process that was killed sends those again: nobody knows of them that they were sent. They are the
more, the more of them come back at once, for each is settled when all others had their turn.

Messages leave in waves: once the window is full nobody enters until all in it are settled, then those of one shard before
those of another. What leaves together is settled together, and its chats go on together; one by one, each message would
cost the round trips that a wave shares (ADR 68).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from services.messaging.outbox.outgoing import OutboxMessage

AT_ONCE: Final = 12  # ADR 68 has the figures
SLOW_SECONDS: Final = 0.02  # an answer that takes longer is waited for beside others
LOOKS: Final = 4  # in that time, each a turn of the process: its own slowness is not Telegram's
UNSETTLED_SECONDS: Final = 1.0  # what cannot be settled for so long holds up nobody any more
# So many in a row that were slow as a whole: after fewer a machine without a turn to spare looks like that, too.
FAR_WAVES: Final = 8
FAR_SECONDS: Final = 0.5  # how long nobody waits after those, before one wave more is looked at


class SendWindow:
    """One for a process. Thread-safe; messages are known by any number that is theirs alone.

    A message that Telegram takes its time for counts no more: waiting costs no turns. Where that is so of wave after wave,
    Telegram is far away, what is on its way there is beyond any window, and for a while nobody waits.
    """

    def __init__(
        self,
        most: int = AT_ONCE,
        slow: float = SLOW_SECONDS,
        far: float = FAR_SECONDS,
        unsettled: float = UNSETTLED_SECONDS,
        far_waves: int = FAR_WAVES,
    ) -> None:
        self._most, self._slow, self._unsettled = most, slow, unsettled
        self._far, self._far_waves = far, far_waves
        self._lock = threading.Lock()
        self._waiting: dict[int, deque[tuple[int, threading.Lock]]] = {}  # shard -> messages, who goes first
        self._departed: dict[int, int] = {}  # message -> at which look, the oldest first
        self._answered: dict[int, float] = {}  # message -> when, the oldest first
        self._full = False  # until it is empty again
        self._heard = False  # one of this wave was answered in time
        self._slow_waves = 0  # in a row
        self._far_until = 0.0
        self._looks = 0
        self._watched = False

    def enter(self, message: int, shard: int) -> None:
        """Wait until there is room, and take it."""
        with self._lock:
            if not self._full:
                self._admit(message)
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.setdefault(shard, deque()).append((message, turn))
            self._have_watched()
        turn.acquire()

    def answered(self, message: int) -> None:
        """Telegram has it; it is to be settled."""
        with self._lock:
            if self._departed.pop(message, None) is not None:
                self._answered[message] = time.monotonic()
                self._heard = True

    def leave(self, messages: Iterable[int]) -> None:
        """They are settled, or were not sent. A message that is not in the window changes nothing."""
        with self._lock:
            for message in messages:
                self._heard |= self._departed.pop(message, None) is not None  # refused is an answer, too
                self._answered.pop(message, None)
            self._begin_next()

    def _admit(self, message: int) -> None:
        if time.monotonic() >= self._far_until:
            self._departed[message] = self._looks
            self._full = len(self._departed) + len(self._answered) >= self._most

    def _begin_next(self) -> None:
        """Let the next wave in if this one is over."""
        if self._departed or self._answered:
            return
        if self._full:  # of others nobody watches how long they take
            self._slow_waves = 0 if self._heard else self._slow_waves + 1
            if self._slow_waves >= self._far_waves:
                self._far_until = time.monotonic() + self._far
        self._full = self._heard = False
        while self._waiting and not self._full:
            self._admit_shard()

    def _admit_shard(self) -> None:
        """As many as there is room for of the shard that waits for longest; if more are left it waits behind the others."""
        shard = next(iter(self._waiting))
        messages = self._waiting.pop(shard)
        while messages and not self._full:
            message, turn = messages.popleft()
            self._admit(message)
            turn.release()
        if messages:
            self._waiting[shard] = messages

    def _have_watched(self) -> None:
        if not self._watched:
            self._watched = True
            threading.Thread(target=self._watch, daemon=True, name="send-window").start()

    def _watch(self) -> None:
        """While somebody waits: see what has been on its way for so long that it counts no more."""
        watched = True
        while watched:
            time.sleep(self._slow / LOOKS)
            with self._lock:
                watched = self._look()

    def _look(self) -> bool:
        self._looks += 1
        ends = time.monotonic() - self._unsettled
        while self._answered and next(iter(self._answered.values())) < ends:
            del self._answered[next(iter(self._answered))]
        while self._departed and next(iter(self._departed.values())) + LOOKS < self._looks:
            del self._departed[next(iter(self._departed))]
        self._begin_next()
        self._watched = bool(self._waiting)
        return self._watched


class ShardSends:
    """Of one shard: which of its messages are in the window of its process."""

    def __init__(self, window: SendWindow, shard: int) -> None:
        self._window, self._shard = window, shard
        self._inside: set[int] = set()

    def enter(self, message: OutboxMessage) -> None:
        """Wait until there is room for it to be sent. A broadcast's is on record: nobody sends it a second time."""
        if not message.broadcast_id:
            self._window.enter(id(message), self._shard)
            self._inside.add(id(message))

    def answered(self, message: OutboxMessage) -> None:
        """Telegram has it; it is to be settled."""
        self._window.answered(id(message))

    def leave(self, messages: Iterable[OutboxMessage]) -> None:
        """They are settled, or were put off."""
        self._leave({id(message) for message in messages})

    def leave_those_not_in(self, settling: Iterable[OutboxMessage], batch: Iterable[OutboxMessage]) -> None:
        """What is not settled now waits for the database, and holds up nobody's message."""
        self._leave({id(message) for message in batch} - {id(message) for message in settling})

    def end(self) -> None:
        """The shard is left: what was not settled by then holds up nobody."""
        self._leave(self._inside.copy())

    def _leave(self, messages: set[int]) -> None:
        if messages:
            self._inside -= messages
            self._window.leave(messages)
