"""Commands that the greenlets of a process send at the same time share a round trip (ADR 74).

ioredis calls it auto-pipelining. Under load most of what a command costs is the round trip: the client's own work around it, two
calls of the system here and two at the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Final

import gevent
from gevent import monkey
from gevent.event import Event
from redis import Redis, RedisError, ResponseError, TimeoutError
from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError

LARGEST: Final = 256  # commands in a round trip


class _Call:
    """A command that waits for its round trip, and then its answer as it came, or its error."""

    __slots__ = ("answer", "args", "decodes", "done", "error")

    def __init__(self, args: Sequence[Any], decodes: bool) -> None:
        self.args, self.decodes = args, decodes
        self.done = Event()
        self.answer: Any = None
        self.error: Exception | None = None

    def settle(self, answer: Any = None, error: Exception | None = None) -> None:
        self.answer, self.error = answer, error
        self.done.set()


class AutoPipelining(Redis):
    """A client whose single commands share round trips where threads are greenlets; elsewhere it is redis-py's own.

    One round trip is under way at a time, made by a greenlet that nobody ends: a caller whose time is over takes nobody
    else's command with it. Who comes alone travels alone. A pipeline of one's own goes by itself.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shares = monkey.is_module_patched("threading")
        self._waiting: list[_Call] = []
        self._is_sending = False

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command. Raises RedisError; DataError, TypeError or ValueError for what cannot be sent."""
        if not self.shares:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        encode = self.get_encoder().encode  # here, so that what cannot be sent is its caller's alone
        decodes = options.pop(NEVER_DECODE, None) is None
        call = _Call((args[0], *map(encode, args[1:])), decodes)
        self._wait_for(call)
        options.pop("keys", None)  # for a cache on the client's side, which we have not
        callback = self.response_callbacks.get(args[0])  # type: ignore[no-untyped-call]
        return call.answer if callback is None else callback(call.answer, **options)

    def _wait_for(self, call: _Call) -> None:
        self._waiting.append(call)
        if not self._is_sending:
            self._is_sending = True
            gevent.spawn(self._send_what_waits)  # after those who are about to send something, too
        try:
            call.done.wait()
        except BaseException:
            if call in self._waiting:  # what an ended caller wanted is not done behind its back
                self._waiting.remove(call)
            raise
        error, call.error = call.error, None  # else a circle: it knows this frame, which knows the call
        if error is not None:
            try:
                raise error
            finally:
                del error

    def _send_what_waits(self) -> None:
        batch: list[_Call] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
                error = self._send(batch)
                if isinstance(error, TimeoutError):  # a silent server stays silent: none waits twice as long
                    batch, self._waiting = batch + self._waiting, []
                _tell(batch, error)
                gevent.sleep(0)  # whoever was answered may have more to send
        finally:
            self._is_sending = False
            _tell([*batch, *self._waiting], RedisConnectionError("the process sends nothing more"))

    def _send(self, batch: Sequence[_Call]) -> Exception | None:
        """Have the calls of a batch answered; why those are not that are left.

        A connection that the server closed is healed by one repetition, of what was not answered alone.
        """
        for last in (False, True):
            left = [call for call in batch if not call.done.is_set()]
            try:
                self._round_trip(left)
            except RedisConnectionError as error:
                if last:
                    return error
            except RedisError as error:
                return error
            except Exception as error:  # noqa: BLE001  # an answer that is no text: its reader knows of no such error
                return RedisConnectionError(f"an answer cannot be read: {type(error).__name__}")
            else:
                return None
        return None

    def _round_trip(self, batch: Sequence[_Call]) -> None:
        pool = self.connection_pool
        connection: Any = pool.get_connection()
        try:
            connection.send_packed_command(connection.pack_commands([call.args for call in batch]))
            for call in batch:
                try:
                    call.settle(connection.read_response(disable_decoding=not call.decodes))
                except ResponseError as error:
                    call.settle(error=error)
        except BaseException:
            connection.disconnect()  # answers may be on their way that are none to the next command
            raise
        finally:
            pool.release(connection)


def _tell(calls: Sequence[_Call], error: Exception | None) -> None:
    """What became of those that were not answered; each an error of its own, for each raises it somewhere else."""
    for call in calls:
        if not call.done.is_set():
            call.settle(error=copy(error))
