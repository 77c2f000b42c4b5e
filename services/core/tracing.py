"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT wants them: one of each update from its receipt to its sends,
one of each click.

Nothing is carried along for it: the id of a trace is the request id that travels with an update anyway, and the ids of
the spans that others hang from are derived from it. So each process writes its own spans, and they fit. Whoever finds a
request id in the log has the id of its trace, and the other way round.

A span is a tuple in a queue until a thread of its own turns some into the library's and sends them; a full queue drops.
Off, a place costs one look at `tracing`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

from services.core.logs import new_request_id

PLAIN_ID: Final = re.compile(r"[0-9a-f]{16}")
Attributes = Mapping[str, str | int | float | bool]


class Stage(StrEnum):
    """The spans of an update's way; those that others hang from are the first two."""

    RECEIVE = "receive"  # webhook or poll, until it is in Redis
    HANDLE = "handle"  # in the bot's handlers; or what else put a call into an outbox
    WAIT_FOR_HANDLER = "wait for handler"
    WAIT_FOR_SEND = "wait for send"
    SEND = "send"
    CLICK = "click"


class Span(NamedTuple):
    """One finished span; `began` and `ended` in epoch nanoseconds, ids as OpenTelemetry has them, `parent_id` 0 = none.

    `failure` is the class of an exception, "" where it went well.
    """

    name: str
    trace_id: int
    span_id: int
    parent_id: int
    began: int
    ended: int
    attributes: Attributes
    failure: str


class Sink(Protocol):
    """Where spans go; must neither block nor raise."""

    def put(self, span: Span) -> None:
        """Take one."""


class Tracing:
    """Writes the spans of a process; `share` of the traces, the same in every process."""

    def __init__(self, sink: Sink, share: float = 1.0) -> None:
        self._sink = sink
        self._bound = round(share * 2**64)

    def received(self, request_id: str, began: int, /, **attributes: str | int) -> None:
        """An update that came at `began` is in Redis: where its trace begins."""
        self._root(Stage.RECEIVE, Stage.RECEIVE, request_id, began, attributes)

    def put_up(self, request_id: str, began: int, /, **attributes: str | int) -> None:
        """A call that no update asked for is in an outbox: where its trace begins."""
        self._root(Stage.HANDLE, "enqueue", request_id, began, attributes)

    def clicked(self, click_id: str, began: int, /, **attributes: str | int) -> None:
        """A click was answered; `click_id` stands in its line of the log."""
        self._root(Stage.CLICK, Stage.CLICK, click_id, began, attributes)

    def taken_up(self, request_id: str, entry_id: str, began: int, bot_id: int) -> None:
        """The update, which has waited since the time in its `entry_id`, goes to its handler at `began`."""
        trace_id = self._trace(request_id)
        if trace_id:
            waited_from = min(began, _written_at(entry_id))
            parent = span_id(trace_id, Stage.RECEIVE)
            self._put(Stage.WAIT_FOR_HANDLER, trace_id, 0, parent, waited_from, began, {"bot_id": bot_id}, "")

    def handled(self, request_id: str, began: int, failure: str = "", /, **attributes: str | int) -> None:
        """A handler has ended. Only the one that went well is what sends hang from."""
        trace_id = self._trace(request_id)
        if trace_id:
            own = 0 if failure else span_id(trace_id, Stage.HANDLE)
            parent = span_id(trace_id, Stage.RECEIVE)
            self._put(Stage.HANDLE, trace_id, own, parent, began, time.time_ns(), attributes, failure)

    def sent(
        self, request_id: str, entry_id: str, began: int, /, *, first: bool, **attributes: str | int
    ) -> None:
        """A try to send has ended, before the `first` of which the call waited since the time in its `entry_id`."""
        trace_id = self._trace(request_id)
        if not trace_id:
            return
        parent = span_id(trace_id, Stage.HANDLE)
        if first:
            waited_from = min(began, _written_at(entry_id))
            self._put(Stage.WAIT_FOR_SEND, trace_id, 0, parent, waited_from, began, attributes, "")
        self._put(Stage.SEND, trace_id, 0, parent, began, time.time_ns(), attributes, "")

    def _root(self, stage: Stage, name: str, request_id: str, began: int, attributes: Attributes) -> None:
        trace_id = self._trace(request_id)
        if trace_id:
            self._put(name, trace_id, span_id(trace_id, stage), 0, began, time.time_ns(), attributes, "")

    def _trace(self, request_id: str) -> int:
        """The id of its trace; 0 where it is none of those chosen."""
        found = trace_id_of(request_id)
        return found if found < self._bound else 0

    def _put(self, name: str, trace_id: int, own: int, *rest: object) -> None:
        self._sink.put(Span(str(name), trace_id, own, *rest))  # type: ignore[arg-type]


def begun(bot_id: int) -> str:
    """A fresh request id for a call that no update asked for, the beginning of its trace."""
    request_id = new_request_id()
    if current is not None:
        current.put_up(request_id, time.time_ns(), bot_id=bot_id)
    return request_id


# Of this process; None where nobody wants traces. Read it as `tracing.current`, it is set once at the start.
current: Tracing | None = None


def trace_id_of(request_id: str) -> int:
    """The id of the trace of a request id: itself, or 8 bytes made of one that is none of our own.

    A replay ("…~u12.1") belongs to the trace of what it repeats.
    """
    original = request_id.partition("~")[0]
    if PLAIN_ID.fullmatch(original):
        return int(original, 16) or 1
    return _hashed(original)


def span_id(trace_id: int, stage: Stage) -> int:
    """The id of the span of a trace that others hang from."""
    return _hashed(f"{trace_id:x} {stage}")


def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) or 1


def _written_at(entry_id: str) -> int:
    """Epoch nanoseconds of a stream's entry: the end of its millisecond, so that none waits before it was received."""
    return (int(entry_id.partition("-")[0]) + 1) * 1_000_000
