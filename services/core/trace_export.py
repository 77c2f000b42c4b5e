"""Spans on their way to the collector: kept in memory, sent by a thread of their own, dropped rather than waited for."""

from __future__ import annotations

import atexit
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from services.core import tracing
from services.core.metrics import TRACE_SPANS
from services.core.redaction import redact_text
from services.core.settings import Settings
from services.core.tracing import Span, Stage, Tracing

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

logger = logging.getLogger(__name__)
Export = Callable[[Sequence[Span]], bool]  # whether the collector took them; must not raise
MOST_KEPT: Final = 8192  # spans, about 6 MB
LARGEST: Final = 64  # in one request: 51 µs each to encode, 3 ms during which no other greenlet runs
PAUSE_SECONDS: Final = 1.0  # between requests while few spans come
TIMEOUT_SECONDS: Final = 5.0  # for one request with its repetitions
STOP_SECONDS: Final = 2.0  # that an ending process takes for what is left


class BatchSink:
    """Takes spans and has them exported by a daemon thread, a greenlet where gevent is in charge."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._queue: deque[Span] = deque()
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._well = True
        self._thread = threading.Thread(target=self._run, daemon=True, name="traces")
        self._thread.start()

    def put(self, span: Span) -> None:
        """Take one, or drop it while the collector is too slow or away."""
        if len(self._queue) >= MOST_KEPT:
            TRACE_SPANS.labels("dropped").inc()
            return
        self._queue.append(span)
        if len(self._queue) == LARGEST:
            self._due.set()

    def stop(self, patience: float = STOP_SECONDS) -> None:
        """Send what is left, for `patience` seconds at most."""
        self._stopped.set()
        self._due.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._due.wait(PAUSE_SECONDS)
            self._due.clear()
            self._send()

    def _send(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(LARGEST, len(self._queue)))]
            taken = self._export(batch)
            TRACE_SPANS.labels("sent" if taken else "refused").inc(len(batch))
            if taken is not self._well:
                self._well = taken
                logger.warning("traces: the collector %s", "is back" if taken else "does not take them")
            time.sleep(0)  # greenlets that wait for their turn get one


def start_tracing(settings: Settings, service: str) -> BatchSink | None:
    """Begin to trace this process's work; None without OTEL_EXPORTER_OTLP_ENDPOINT."""
    if not settings.otel_exporter_otlp_endpoint:
        return None
    sink = BatchSink(_exporter(settings, service))
    tracing.current = Tracing(sink, settings.otel_traces_sampler_arg)
    atexit.register(sink.stop)
    return sink


def headers_in(text: str) -> dict[str, str]:
    """Of OTEL_EXPORTER_OTLP_HEADERS: `name=value` with commas between, values percent-encoded."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}


def _exporter(settings: Settings, service: str) -> Export:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - as above

    logging.getLogger("opentelemetry").setLevel(
        logging.CRITICAL
    )  # a line per attempt; ours is one per change
    exporter = OTLPSpanExporter(
        endpoint=f"{settings.otel_exporter_otlp_endpoint}/v1/traces",
        headers=headers_in(settings.otel_exporter_otlp_headers.get_secret_value()),
        timeout=TIMEOUT_SECONDS,
    )
    resource = Resource(
        {
            "service.name": settings.otel_service_name,
            "service.instance.id": f"{service}@{socket.gethostname()}",
            "deployment.environment.name": str(settings.app_env),
            "flotilla.process": service,
        }
    )
    make = _maker(resource)

    def export(spans: Sequence[Span]) -> bool:
        try:
            return exporter.export([make(span) for span in spans]) is SpanExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001  # whatever the library has: traces end, the work does not
            logger.debug("traces: %s", type(error).__name__)
            return False

    return export


def _maker(resource: object) -> Callable[[Span], ReadableSpan]:
    """What makes the library's spans of ours."""
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415 - as above
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415 - as above
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags  # noqa: PLC0415 - as above

    kinds = {Stage.RECEIVE: SpanKind.SERVER, Stage.CLICK: SpanKind.SERVER, Stage.SEND: SpanKind.CLIENT}
    scope, sampled = InstrumentationScope("flotilla"), TraceFlags(TraceFlags.SAMPLED)
    random_id = RandomIdGenerator().generate_span_id

    def context(trace_id: int, span_id: int) -> SpanContext:
        return SpanContext(trace_id, span_id or random_id(), is_remote=False, trace_flags=sampled)

    def make(span: Span) -> ReadableSpan:
        return ReadableSpan(
            span.name,
            context=context(span.trace_id, span.span_id),
            parent=context(span.trace_id, span.parent_id) if span.parent_id else None,
            resource=resource,  # type: ignore[arg-type]
            attributes={
                name: redact_text(value) if isinstance(value, str) else value
                for name, value in span.attributes.items()
            },
            kind=kinds.get(span.name, SpanKind.INTERNAL),  # type: ignore[call-overload]
            status=Status(StatusCode.ERROR, redact_text(span.failure)) if span.failure else Status(),
            start_time=span.began,
            end_time=max(span.began, span.ended),
            instrumentation_scope=scope,
        )

    return make
