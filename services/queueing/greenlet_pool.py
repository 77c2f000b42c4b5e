"""Threads that work off a FairQueue, started as needed, and one that settles finished work in batches.

In a patched process the threads are greenlets, which nothing preempts: hence the small pauses.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from services.queueing.bot_queue import Item
from services.queueing.fair_queue import FairQueue

logger = logging.getLogger(__name__)
YIELD_AFTER_SECONDS = (
    0.001  # of work without a pause for the others: messages that are sent wait to be settled
)
MIN_TIMER_SECONDS = 0.001  # between two looks of the clock
ERROR_BACKOFF_SECONDS = 5.0  # before work that ended in an error of ours is done again
Result = TypeVar("Result")


class GreenletPool(Generic[Item]):
    """Up to `largest` workers that take items from `queue` and do `work`, which must settle or retry each item.

    What the queue excuses as slow gets workers beside these, `most` in all. `going` turning False ends the taking.
    """

    def __init__(
        self,
        queue: FairQueue[Item],
        work: Callable[[Item], None],
        going: Callable[[], bool],
        *,
        largest: int,
        name: str,
        most: int = 0,
    ) -> None:
        self._most = max(most, largest)
        self._queue = queue
        self._do, self._going = work, going
        self._largest, self._name = largest, name
        self._lock = threading.Lock()
        self._tokens: SimpleQueue[bool] = SimpleQueue()  # True: look for work; False: end
        self._size = self._idle = 0
        self._woken = False  # somebody was woken and has not looked for work yet
        self._clock = _Clock(queue, self._lock, self.wake, f"{name}-clock")

    def __len__(self) -> int:
        """Items not yet done."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """Items at work or waiting to be settled."""
        return self._queue.running

    def add(self, items: Iterable[Item]) -> None:
        """Queue items and have somebody look."""
        with self._lock:
            for item in items:
                self._queue.add(item)
        self.wake()

    def done(self, items: Iterable[Item]) -> None:
        """The items are settled; their chats go on."""
        with self._lock:
            for item in items:
                self._queue.done(item)
        self.wake()

    def retry(self, item: Item, delay: float) -> None:
        """Try `item` again after `delay` seconds; its chat waits."""
        with self._lock:
            self._queue.retry(item, time.monotonic() + delay)
            self._clock.set()

    def size_of(self, bot_id: int) -> int:
        """Items of the bot not yet done."""
        with self._lock:
            return self._queue.size_of(bot_id)

    def wakes(self) -> dict[int, float]:
        """Bots with waiting items and the moment the first of them is due."""
        with self._lock:
            return self._queue.wakes()

    def waits_at_most(self, seconds: float) -> bool:
        """Whether an item is due within `seconds`."""
        with self._lock:
            wake = self._queue.next_wake()
        return wake is not None and wake - time.monotonic() <= seconds

    def runs(self, item: Item) -> bool:
        """Whether the item is at work or waits to be settled."""
        with self._lock:
            return self._queue.is_running(item)

    @property
    def is_quiet(self) -> bool:
        """Nothing runs, and nothing could run now."""
        with self._lock:
            return not self._queue.running and not self._queue.startable(time.monotonic())

    def wake(self) -> None:
        """Wake one worker, or start one, if there is work; each wakes the next."""
        with self._lock:
            if self._clock.ended or self._woken or not self._queue.startable(time.monotonic()):
                return
            self._queue.saturated = not self._idle and self._size >= self._wanted
            self._woken = not self._queue.saturated
            if self._queue.saturated:
                self._clock.set()
            elif self._idle:
                self._tokens.put(True)
            else:
                self._size += 1
                threading.Thread(target=self._run_worker, daemon=True, name=self._name).start()

    @property
    def _wanted(self) -> int:
        return min(self._most, self._largest + self._queue.slow)

    def end(self, patience: float) -> None:
        """Wait until nothing runs, `patience` seconds at most, then let all idle workers go."""
        deadline = time.monotonic() + patience
        while self._queue.running and time.monotonic() < deadline:
            time.sleep(0.005)
        with self._lock:
            self._clock.end()  # nobody is woken any more: whoever began to wait now would do so for ever
            for _ in range(self._size):
                self._tokens.put(False)

    def _run_worker(self) -> None:
        turn, woken = time.monotonic(), True
        while True:
            item, superfluous = self._take(woken)
            if superfluous or (item is None and not self._sleep()):
                return
            woken = item is None
            if item is None:
                turn = time.monotonic()
                continue
            self.wake()
            self._work(item)
            turn = _yielding(turn)

    def _take(self, woken: bool) -> tuple[Item | None, bool]:
        """The next item for a worker, and whether it is one too many; without either it is counted as idle."""
        with self._lock:
            self._woken = self._woken and not woken
            item = self._queue.take(time.monotonic()) if self._going() else None
            self._clock.set()
            superfluous = item is None and self._size > self._wanted
            self._size -= superfluous
            self._idle += item is None and not superfluous
        return item, superfluous

    def _sleep(self) -> bool:
        """Wait for a token; False when the worker is to end."""
        woken = self._tokens.get()
        with self._lock:
            self._idle -= 1
        return woken

    def _work(self, item: Item) -> None:
        try:
            self._do(item)
        except BaseException:  # whatever it is: this thread has others' work to do
            logger.exception("a piece of work ended unexpectedly")
            if self.runs(item):  # its chat must not stand still for a mistake of ours
                self.retry(item, ERROR_BACKOFF_SECONDS)


def _yielding(turn: float) -> float:
    """Let others go on if the turn that began at `turn` has been long; when the present one began."""
    if time.monotonic() - turn <= YIELD_AFTER_SECONDS:
        return turn
    time.sleep(0)
    return time.monotonic()


class _Clock(Generic[Item]):
    """Has `wake` called whenever a wait in the queue is over; its thread lives while something waits for time."""

    def __init__(
        self, queue: FairQueue[Item], lock: threading.Lock, wake: Callable[[], None], name: str
    ) -> None:
        self._queue = queue
        self._lock = lock
        self._wake = wake
        self._name = name
        self._changed = threading.Event()
        self._at = math.inf  # the moment it sleeps for; infinite without a thread
        self.ended = False

    def set(self) -> None:
        """Look at the earliest waiting item in time; the first one starts the thread. The caller holds the lock."""
        moment = self._queue.next_wake()
        if moment is None or moment >= self._at:
            return
        asleep = math.isinf(self._at)
        self._at = moment
        if asleep:
            threading.Thread(target=self._run, daemon=True, name=self._name).start()
        else:
            self._changed.set()

    def end(self) -> None:
        """Call no more."""
        self.ended = True
        self._changed.set()

    def _run(self) -> None:
        while not self.ended:
            self._changed.wait(max(0.0, self._at - time.monotonic()))
            self._changed.clear()
            self._wake()
            with self._lock:
                moment = self._queue.next_wake()
                if moment is None:
                    self._at = math.inf
                    return
                # A wait already over stays listed while everybody is at work: look again a little later.
                self._at = max(moment, time.monotonic() + MIN_TIMER_SECONDS)


class BatchWriter(Generic[Result]):
    """Collects what others finish and hands it to `settle` in batches, in order, from a thread of its own.

    The first of a batch waits for others for `gather` seconds.
    """

    def __init__(
        self,
        settle: Callable[[Sequence[Result]], None],
        *,
        largest: int,
        name: str,
        gather: float = 0.0,
    ) -> None:
        self._write = settle
        self._gather = gather
        self._largest = largest
        self._finished: SimpleQueue[Result | threading.Event | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def put(self, result: Result) -> None:
        """Have `result` settled soon."""
        self._finished.put(result)

    def drain(self, patience: float) -> None:
        """Wait until all that was put is settled, `patience` seconds at most."""
        reached = threading.Event()
        self._finished.put(reached)
        reached.wait(patience)

    def end(self, patience: float) -> None:
        """Settle what is there, then end; waits `patience` seconds at most."""
        self._finished.put(None)
        self._thread.join(timeout=patience)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch: list[Result] = []
            drained: list[threading.Event] = []
            following = self._finished.get()
            time.sleep(self._gather)  # whoever is about to finish comes along
            with suppress(Empty):
                while following is not None:
                    if isinstance(following, threading.Event):
                        drained.append(following)
                    else:
                        batch.append(following)
                        if len(batch) == self._largest:
                            break
                    following = self._finished.get_nowait()
            ended = following is None
            if batch:
                self._write_or_log(batch)
            for reached in drained:
                reached.set()

    def _write_or_log(self, batch: Sequence[Result]) -> None:
        try:
            self._write(batch)
        except Exception:  # a mistake of ours: others' results come behind it
            logger.exception("%d results cannot be written", len(batch))
