"""`async def` beside greenlets: one asyncio loop per process, in a greenlet of its own.

asyncio remembers the running loop per thread of the operating system, and the greenlets of a patched process share one such
thread: while one of them is inside `asyncio.run`, every other one that calls it fails. So all coroutines of the process go
to one loop. It waits in a patched `select`, which leaves the process to the other greenlets, and whoever wants a coroutine
run waits in his own greenlet. Other threads are no way out: connections to Redis and the database belong to this one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Generator
from contextvars import copy_context
from functools import cache
from typing import Any, TypeVar

import gevent
from gevent import monkey
from gevent.event import AsyncResult

from services.queueing.timeouts import time_limit

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


def run_coroutine(coroutine: Coroutine[Any, Any, Result], *, step_seconds: float) -> Result:
    """What the coroutine returns or raises. It sees the caller's context variables.

    Cancelled when the caller stops waiting. What blocks in it without `await` holds up the process's other coroutines;
    after `step_seconds` HandlerTimeout ends it there. Where threads are threads, as in most tests, it gets a loop for itself.
    """
    if not monkey.is_module_patched("threading"):
        return asyncio.run(coroutine)
    return _loop().run(coroutine, step_seconds)


@cache
def _loop() -> _Loop:
    return _Loop()


class _Loop:
    """The loop of this process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        gevent.spawn(self._run_for_ever)

    def run(self, coroutine: Coroutine[Any, Any, Result], step_seconds: float) -> Result:
        """See run_coroutine."""
        answer: AsyncResult[object] = AsyncResult()
        context, begun = copy_context(), list[asyncio.Task[Any]]()

        def begin() -> None:
            task = self._loop.create_task(_outcome(_Steps(coroutine, step_seconds)), context=context)
            begun.append(task)
            task.add_done_callback(answer.set)

        begins = self._loop.call_soon_threadsafe(begin)
        try:
            answer.get()
        except BaseException:  # the caller is cancelled: his time is over, or his process ends
            begins.cancel()
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in begun])
            raise
        result, error = begun[0].result()
        if error is not None:
            raise error
        found: Result = result
        return found

    def _run_for_ever(self) -> None:
        while True:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):  # out of a task that a handler left behind
                logger.exception("a coroutine wanted to end the process")


class _Steps(Generator[Any, Any, Any]):
    """A coroutine whose steps may take `seconds` each."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], seconds: float) -> None:
        self._coroutine = coroutine
        self._seconds = seconds

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def send(self, value: Any) -> Any:
        """Go on to the next `await` that has to wait."""
        with time_limit(self._seconds):
            return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """Go on with an exception."""
        with time_limit(self._seconds):
            return self._coroutine.throw(*error)

    def close(self) -> None:
        """End it where it stands."""
        self._coroutine.close()


async def _outcome(steps: _Steps) -> tuple[Any, BaseException | None]:
    """Result or exception: a SystemExit that leaves a task would end the loop, and with it everybody's coroutines."""
    try:
        return await steps, None
    except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
        return None, error
