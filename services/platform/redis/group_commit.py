"""Group commit: concurrent callers share one round trip, and each goes on after its own write is in.

While one batch travels, those who arrive gather for the next; under load the batch grows by itself, at rest a
caller travels alone and waits for nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")
SIBLINGS: Final = 4  # items in a batch from which on the next is worth waiting for


def let_others_submit() -> None:
    """Whoever is about to submit goes first: without this a busy gevent process sends batches of two or three."""
    time.sleep(0)


class _Waiting(Generic[Item, Answer]):
    """One caller's item and, later, its answer, the error of its batch, or the lead over the next batch."""

    __slots__ = ("answer", "error", "item", "leads", "woken")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.woken = threading.Event()
        self.leads = False
        self.answer: Answer | None = None
        self.error: BaseException | None = None


class GroupCommit(Generic[Item, Answer]):
    """Collects items of concurrent callers and hands them to `write` in batches, in order of arrival.

    `write` takes up to `largest` items and returns an answer for each; what it raises, every caller of the batch
    gets. Thread-safe, and without a thread of its own: each batch is written by the first caller in it, who then
    passes the lead to the first of those who arrived meanwhile, so nobody works longer than for its own batch.
    `gather` waits for others before a batch is closed that is not full. Where the last batch was of SIBLINGS or more, the
    next one waits `delay` seconds in its place (PostgreSQL's commit_delay and commit_siblings).
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Sequence[Answer]],
        *,
        largest: int = 256,
        gather: Callable[[], None] = let_others_submit,
        delay: float = 0.0,
    ) -> None:
        self._write = write
        self._largest = largest
        self._gather = gather
        self._delay = delay
        self._last = 0  # items in the last batch
        self._lock = threading.Lock()
        self._waiting: list[_Waiting[Item, Answer]] = []
        self._writing = False

    def submit(self, item: Item) -> Answer:
        """Write `item` with whoever else is waiting; returns its answer once the write is in."""
        mine: _Waiting[Item, Answer] = _Waiting(item)
        with self._lock:
            self._waiting.append(mine)
            if not self._writing:
                self._writing = mine.leads = True
        try:
            if not mine.leads:
                mine.woken.wait()
            if mine.leads:
                self._lead()
        except BaseException:
            self._forget(mine)
            raise
        finally:
            if mine.leads:
                self._pass_the_lead()
        if mine.error is not None:
            raise mine.error
        return mine.answer  # type: ignore[return-value]  # set before the caller is woken

    def _lead(self) -> None:
        if len(self._waiting) < self._largest:
            self._await_others()
        with self._lock:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
        self._last = len(batch)
        self._write_batch(batch)

    def _await_others(self) -> None:
        if self._delay and self._last >= SIBLINGS:
            time.sleep(self._delay)
        else:
            self._gather()

    def _forget(self, mine: _Waiting[Item, Answer]) -> None:
        """Whoever is killed before its batch has gone must not be given the lead: nobody would write any more."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)

    def _pass_the_lead(self) -> None:
        with self._lock:
            if not self._waiting:
                self._writing = False
                return
            successor = self._waiting[0]
            successor.leads = True
        successor.woken.set()

    def _write_batch(self, batch: list[_Waiting[Item, Answer]]) -> None:
        try:
            answers = self._write([waiting.item for waiting in batch])
            for waiting, answer in zip(batch, answers, strict=True):
                waiting.answer = answer
        except BaseException as error:
            for waiting in batch:
                waiting.error = error
            if not isinstance(error, Exception):
                raise  # a greenlet being killed: the callers are told, the kill goes on
        finally:
            for waiting in batch:
                waiting.woken.set()
