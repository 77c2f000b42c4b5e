"""Commands that the greenlets of a process send at the same time share a round trip (ADR 74).

ioredis calls it auto-pipelining. Under load most of what a command costs is the round trip: the client's own work around it, two
calls of the system here and two at the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import gevent
from gevent import monkey
from gevent.event import Event
from redis import DataError, Redis, TimeoutError

LARGEST: Final = 256  # commands in a round trip


class _Call:
    """A command that waits for its round trip, and then its answer."""

    __slots__ = ("answer", "args", "done", "options")

    def __init__(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.args, self.options = args, options
        self.done = Event()
        self.answer: Any = None


class AutoPipelining(Redis):
    """A client whose single commands share round trips where threads are greenlets; elsewhere it is redis-py's own.

    One round trip is under way at a time, made by a greenlet that nobody ends: a caller whose time is over takes nobody
    else's command with it. Who comes alone travels alone. A pipeline of one's own goes by itself.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shares = monkey.is_module_patched("threading")
        self._waiting: list[_Call] = []
        self._is_sending = False

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command. Raises RedisError; DataError, TypeError or ValueError for what cannot be sent."""
        if not self._shares:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        call = _Call(args, options)
        self._waiting.append(call)
        if not self._is_sending:
            self._is_sending = True
            gevent.spawn(self._send_what_waits)  # after those who are about to send something, too
        call.done.wait()
        if isinstance(call.answer, Exception):
            raise call.answer
        return call.answer

    def _send_what_waits(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
            answers = self._answers(batch)
            # A silent server stays silent: nobody waits for it twice as long.
            if isinstance(answers[0], TimeoutError):
                batch, self._waiting = batch + self._waiting, []
                answers = [answers[0]] * len(batch)
            for call, answer in zip(batch, answers, strict=True):
                call.answer = answer
                call.done.set()
            gevent.sleep(0)  # whoever was answered may have more to send
        self._is_sending = False

    def _answers(self, batch: Sequence[_Call]) -> list[Any]:
        """The answers, or what each of the callers is to be told instead."""
        try:
            with self.pipeline(transaction=False) as pipe:
                for call in batch:
                    pipe.execute_command(*call.args, **call.options)  # type: ignore[no-untyped-call]
                return pipe.execute(raise_on_error=False)
        except (DataError, TypeError, ValueError) as error:  # one of them cannot be sent, so none was
            return [error] if len(batch) == 1 else [self._answers([call])[0] for call in batch]
        except Exception as error:  # noqa: BLE001  # each caller raises it
            return [error] * len(batch)
