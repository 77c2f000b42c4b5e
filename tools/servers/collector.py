"""A collector of traces that is played: what arrives by OTLP over HTTP, as spans by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tools.servers.receivers import Receiver


@dataclass(frozen=True)
class Arrived:
    """One span; ids in hex, `parent` "" for none, times in epoch nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    began: int
    ended: int
    process: str
    failure: str
    attributes: dict[str, Any]


def spans(receiver: Receiver) -> list[Arrived]:
    """All that arrived, by their beginning."""
    found = [span for post in receiver.posts if post.path == "/v1/traces" for span in _in(post.body)]
    return sorted(found, key=lambda span: span.began)


def _in(body: bytes) -> list[Arrived]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Arrived(
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            _values(group.resource.attributes)["flotilla.process"],
            span.status.message,
            _values(span.attributes),
        )
        for group in request.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in attributes}
