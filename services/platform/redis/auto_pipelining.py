"""Commands that the greenlets of a process send at the same time share a round trip (ADR 74).

ioredis calls it auto-pipelining. Under load most of what a command costs is the round trip: the client's own work around it, two
calls of the system here and two at the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Final

import gevent
from gevent import monkey
from gevent.event import Event
from redis import Redis, RedisError, ResponseError
from redis.client import EMPTY_RESPONSE, NEVER_DECODE, Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

LARGEST: Final = 256  # callers in a round trip
ALONE_FROM: Final = 256  # commands: so long a pipeline has a round trip to itself, and delays nobody
OUR_OPTIONS: Final = (
    NEVER_DECODE,
    EMPTY_RESPONSE,
    "keys",
)  # no callback's; the last for a cache, which we have not
Command = tuple[
    Sequence[Any], Mapping[str, Any]
]  # its words, and the options of redis-py for reading the answer


class _Call:
    """What a caller sends at once and waits for: a command, or those of a pipeline. Then the answers as they came, of a command
    that was refused the error, or why they did not come.
    """

    __slots__ = ("answers", "commands", "done", "error")

    def __init__(self, commands: Sequence[tuple[Sequence[Any], bool]]) -> None:
        self.commands = commands  # encoded, and whether the answer is to be decoded
        self.answers: list[Any] = []
        self.error: Exception | None = None
        self.done = Event()

    @property
    def unanswered(self) -> Sequence[tuple[Sequence[Any], bool]]:
        return self.commands[len(self.answers) :] if self.answers else self.commands

    def fail(self, error: Exception | None) -> None:
        self.error = error
        self.done.set()


class AutoPipelining(Redis):
    """A client whose commands share round trips where threads are greenlets; elsewhere it is redis-py's own.

    One round trip is under way at a time, made by a greenlet that nobody ends: a caller whose time is over takes nobody
    else's command with it. Who comes alone travels alone. A transaction goes by itself.
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
        [answer] = self.ask([(args, options)])
        if isinstance(answer, Exception):
            try:
                raise answer
            finally:
                del answer  # else a circle: it knows this frame
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """As of redis-py; one that is no transaction shares its round trip."""
        if transaction or not self.shares:
            return super().pipeline(transaction, shard_hint)
        return _SharingPipeline(self)

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers to commands, which follow each other directly; a command that was refused, or whose answer is no text, has
        its error.
        """
        encode = self.get_encoder().encode  # here, so that what cannot be sent is its caller's alone
        call = _Call(
            [
                ((args[0], *map(encode, args[1:])), options.get(NEVER_DECODE) is None)
                for args, options in commands
            ]
        )
        self._wait_for(call)
        return list(map(self._read, commands, call.answers))

    def _read(self, command: Command, answer: Any) -> Any:
        args, options = command
        if isinstance(answer, Exception):
            return options.get(EMPTY_RESPONSE, answer) if isinstance(answer, ResponseError) else answer
        callback = self.response_callbacks.get(args[0])  # type: ignore[no-untyped-call]
        if callback is None:
            return answer
        return callback(answer, **{name: value for name, value in options.items() if name not in OUR_OPTIONS})

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


class _SharingPipeline(Pipeline):
    """A pipeline without a transaction, whose commands share the round trip of others."""

    def __init__(self, client: AutoPipelining) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, False, None)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """The answers, in order; what was refused is raised, or told in its place. Raises RedisError."""
        if (
            self.explicit_transaction
            or self.watching
            or self.scripts
            or len(self.command_stack) >= ALONE_FROM
        ):
            return super().execute(raise_on_error)
        commands, self.command_stack = self.command_stack, []
        answers = self._client.ask(commands) if commands else []
        if raise_on_error:
            self.raise_first_error(commands, answers)  # type: ignore[no-untyped-call]
        return answers


def _round_trip(connection: Any, batch: Sequence[_Call]) -> None:
    try:
        connection.send_packed_command(
            connection.pack_commands([args for call in batch for args, _ in call.unanswered])
        )
        for call in batch:
            for _, decodes in call.unanswered:
                call.answers.append(_answer(connection, decodes))
            call.done.set()
    except BaseException:
        connection.disconnect()  # answers may be on their way that are none to the next command
        raise


def _answer(connection: Any, decodes: bool) -> Any:
    try:
        return connection.read_response(disable_decoding=not decodes, disconnect_on_error=False)
    except (ResponseError, UnicodeDecodeError) as error:  # what follows it is whole
        error.__traceback__ = None  # it would keep this frame, and the connection with it
        return error


def _fail(calls: Sequence[_Call], error: Exception | None) -> None:
    """Tell those that were not answered; each an error of its own, for each raises it somewhere else."""
    for call in calls:
        if not call.done.is_set():
            call.fail(copy(error))
