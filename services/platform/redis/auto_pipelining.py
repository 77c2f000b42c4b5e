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
from redis import Redis, RedisError, ResponseError
from redis.client import EMPTY_RESPONSE, NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError

LARGEST: Final = 256  # commands in a round trip
# Options of redis-py for reading an answer that are not its callback's; the last is for a cache, which we have not.
OUR_OPTIONS: Final = (NEVER_DECODE, EMPTY_RESPONSE, "keys")


class _Call:
    """A command that waits for its round trip; then its answer as it came, or its error."""

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
    else's command with it. Who comes alone travels alone. A pipeline goes by itself.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shares = monkey.is_module_patched("threading")
        self._waiting: list[_Call] = []
        self._is_sending = False

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer to a command. Raises RedisError; DataError, TypeError or ValueError for what cannot be sent."""
        if not self.shares or self.connection:  # a client of one connection
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        encode = self.get_encoder().encode  # here, so that what cannot be sent is its caller's alone
        call = _Call((args[0], *map(encode, args[1:])), NEVER_DECODE not in options)
        try:
            self._wait_for(call)
        except ResponseError:
            if EMPTY_RESPONSE in options:
                return options[EMPTY_RESPONSE]
            raise
        callback = self.response_callbacks.get(args[0])  # type: ignore[no-untyped-call]
        if callback is None:
            return call.answer
        told = {name: value for name, value in options.items() if name not in OUR_OPTIONS}
        return callback(call.answer, **told)

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
            call.done.set()  # nor repeated
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
                if error is not None:  # none of those who wait is to wait as long for the same
                    batch, self._waiting = batch + self._waiting, []
                _fail(batch, error)
                gevent.sleep(0)  # whoever was answered may have more to send
        finally:
            self._is_sending = False
            _fail([*batch, *self._waiting], RedisConnectionError("the process sends nothing more"))

    def _send(self, batch: Sequence[_Call]) -> Exception | None:
        """Have the calls of a batch answered; why those are not that are left.

        A connection that the server closed is healed by one repetition, of what was not answered alone.
        """
        try:
            connection = self.connection_pool.get_connection()
        except RedisError as error:  # the pool has tried twice by itself, or waited for its turn
            return error
        try:
            try:
                _round_trip(connection, batch)
            except RedisConnectionError:
                _round_trip(connection, [call for call in batch if not call.done.is_set()])
        except RedisError as error:
            return error
        finally:
            self.connection_pool.release(connection)
        return None


def _round_trip(connection: Any, batch: Sequence[_Call]) -> None:
    try:
        connection.send_packed_command(connection.pack_commands([call.args for call in batch]))
        for call in batch:
            try:
                call.settle(
                    connection.read_response(disable_decoding=not call.decodes, disconnect_on_error=False)
                )
            except (ResponseError, UnicodeDecodeError) as error:  # what follows it is whole
                call.settle(error=error)
    except BaseException:
        connection.disconnect()  # answers may be on their way that are none to the next command
        raise


def _fail(calls: Sequence[_Call], error: Exception | None) -> None:
    """Tell those that were not answered; each an error of its own, for each raises it somewhere else."""
    for call in calls:
        if not call.done.is_set():
            call.settle(error=copy(error))
