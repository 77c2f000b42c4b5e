"""Ids of traces and spans, which ones are chosen, and a sink that never holds anybody up."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from services.core import trace_export, tracing
from services.core.logs import new_request_id
from services.core.trace_export import MOST_KEPT, BatchSink, headers_in
from services.core.tracing import Span, Stage, Tracing, span_id, trace_id_of


class Kept:
    """A sink that keeps."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def put(self, span: Span) -> None:
        self.spans.append(span)


def test_a_request_id_is_the_id_of_its_trace_and_a_replay_belongs_to_what_it_repeats() -> None:
    request_id = new_request_id()
    assert f"{trace_id_of(request_id):016x}" == request_id
    assert trace_id_of(f"{request_id}~u12.1") == trace_id_of(request_id)
    assert 0 < trace_id_of("somebody-elses id") < 2**64
    assert trace_id_of("0" * 16) > 0


def test_all_processes_choose_the_same_share_of_traces() -> None:
    sinks = [Kept(), Kept()]
    for request_id in [new_request_id() for _ in range(2000)]:
        for sink in sinks:
            Tracing(sink, 0.25).received(request_id, time.time_ns())
    chosen = [{span.trace_id for span in sink.spans} for sink in sinks]
    assert chosen[0] == chosen[1]
    assert 400 < len(chosen[0]) < 600


def test_the_share_nought_traces_nothing_and_all_traces_all() -> None:
    for share, count in ((0.0, 0), (1.0, 50)):
        sink = Kept()
        for _ in range(50):
            Tracing(sink, share).received(new_request_id(), time.time_ns())
        assert len(sink.spans) == count


def test_sends_hang_from_the_handler_that_went_well() -> None:
    sink, request_id = Kept(), new_request_id()
    traced = Tracing(sink)
    traced.handled(request_id, time.time_ns(), "ValueError", bot_id=1)
    traced.handled(request_id, time.time_ns(), bot_id=1)
    traced.sent(request_id, "5-0", time.time_ns(), first=True, method="sendMessage")
    failed, well, waited, sent = sink.spans
    assert (failed.failure, failed.span_id) == ("ValueError", 0)  # 0: any
    assert (
        well.span_id == span_id(trace_id_of(request_id), Stage.HANDLE) == waited.parent_id == sent.parent_id
    )
    assert failed.parent_id == well.parent_id == span_id(trace_id_of(request_id), Stage.RECEIVE)
    assert waited.began == 6_000_000  # the end of the millisecond 5


def test_a_call_that_no_update_asked_for_begins_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Kept()
    monkeypatch.setattr(tracing, "current", Tracing(sink))
    request_id = tracing.begun(7)
    tracing.current.sent(request_id, "5-0", time.time_ns(), first=False, method="sendMessage")  # type: ignore[union-attr]
    root, sent = sink.spans
    assert (root.parent_id, sent.parent_id) == (0, root.span_id)


def test_a_sink_whose_collector_hangs_drops_and_holds_nobody_up() -> None:
    release, taken = threading.Event(), list[int]()

    def export(spans: Sequence[Span]) -> bool:
        release.wait(10)
        taken.append(len(spans))
        return True

    sink = BatchSink(export)
    span = Span("x", 1, 2, 0, 3, 4, {}, "")
    began = time.perf_counter()
    for _ in range(MOST_KEPT + 1000):
        sink.put(span)
    assert time.perf_counter() - began < 1
    release.set()
    sink.stop(10)
    assert MOST_KEPT <= sum(taken) <= MOST_KEPT + trace_export.LARGEST


def test_headers_are_read_as_the_standard_writes_them() -> None:
    assert headers_in("authorization=Basic%20YTpi, Tenant = a ,") == {
        "authorization": "Basic YTpi",
        "tenant": "a",
    }
    assert headers_in("") == {}
