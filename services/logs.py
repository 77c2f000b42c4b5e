"""Logs: one line of JSON per event, with the ids of the work at hand, and never a secret (S1).

`bind` carries ids through a request or job; a filter puts them on every line. Redaction happens in the formatter, on
the finished line's parts, so that no argument, exception or library can slip past it.
"""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from pythonjsonlogger.json import JsonFormatter

from services.redaction import redact, redact_text
from services.settings import LogFormat, Settings

_bound: ContextVar[dict[str, Any] | None] = ContextVar("log_ids", default=None)


def new_request_id() -> str:
    """A fresh id that joins all lines of one piece of work, from the webhook to the send."""
    return secrets.token_hex(8)


def bound_ids() -> dict[str, Any]:
    """The ids bound here and now."""
    return dict(_bound.get() or {})


@contextmanager
def bind(**ids: Any) -> Iterator[None]:
    """Put `ids` (request_id, bot_id, user_id, job_id …) on every line logged inside the block."""
    token = _bound.set({**bound_ids(), **ids})
    try:
        yield
    finally:
        _bound.reset(token)


class _Ids(logging.Filter):
    """Adds the bound ids and the service's name to each record."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def filter(self, record: logging.LogRecord) -> bool:
        record.service = self._service
        for name, value in bound_ids().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class _JsonLines(JsonFormatter):
    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        cleaned: dict[str, Any] = redact(log_data)
        return cleaned

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return (
            datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z")
        )


class _TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        ids = " ".join(f"{name}={value}" for name, value in bound_ids().items())
        return redact_text(f"{super().format(record)} {ids}".rstrip())


def json_stream() -> TextIO | None:
    """Where this process's JSON lines go, for the one writer that must be cheaper than logging; None in text format."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, _JsonLines):
            stream: TextIO = handler.stream
            return stream
    return None


def configure_logging(settings: Settings, service: str) -> None:
    """Send all logging of this process to stderr in the configured form. `service` is web, worker, clock or poller."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Ids(service))
    if settings.log_format is LogFormat.JSON:
        handler.setFormatter(
            _JsonLines(
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "timestamp", "levelname": "level", "name": "logger"},
            )
        )
    else:
        handler.setFormatter(_TextLines(f"%(asctime)s {service:<7} %(levelname)-7s %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # These say at INFO what our own lines say better, or count requests.
    for noisy in ("rq.worker", "apscheduler", "urllib3", "alembic.runtime.migration", "TeleBot"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
