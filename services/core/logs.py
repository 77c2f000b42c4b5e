"""Logs: one line of JSON per event, with the ids of the work at hand, and never a secret.

`bind` carries ids through a request or job; a filter puts them on every line. Redaction happens in the formatter, on
the finished line's parts, so that no argument, exception or library can slip past it.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

from services.core.redaction import redact, redact_text
from services.core.setting_types import LogFormat
from services.core.settings import Settings

# Some 3 KB: processes that share a pipe get lines of each other's into theirs beyond 4 KB (PIPE_BUF).
LINES_AT_ONCE = 10
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


class _JsonLines(logging.Formatter):
    """Written by hand because a line is a good part of an update's cost; measured against python-json-logger."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        values = record.__dict__
        told: dict[str, Any] = {"logger": record.name, "message": record.getMessage()}
        told.update({name: values[name] for name in values.keys() - _STANDARD})
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            told["exc_info"] = record.exc_text
        # The moment alone is left out: it holds no secret, and its colons would have each pattern look for one.
        ours = {"timestamp": _timestamp(record.created), "level": record.levelname}
        return _encode({**ours, **redact(told)})


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _timestamp(moment: float) -> str:
    return f"{_second(int(moment))}.{int(moment % 1 * 1000):03d}Z"


@lru_cache(maxsize=4)
def _second(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _shown(value: object) -> str:
    return redact_text(str(value))


_encode = json.JSONEncoder(default=_shown).encode


class _TextLines(logging.Formatter):
    """Lines for a terminal. What strangers wrote begins no line of its own and sends the terminal no commands."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        record.asctime = self.formatTime(record, self.datefmt)
        ids = " ".join(f"{name}={value}" for name, value in bound_ids().items())
        lines = [_visible(f"{self.formatMessage(record)} {ids}".rstrip())]
        if record.exc_info:
            lines += [f"    {_visible(line)}" for line in self.formatException(record.exc_info).splitlines()]
        return redact_text("\n".join(lines))


def _visible(text: str) -> str:
    """`text` with line ends, terminal escapes and other signs that are no letters written out."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def log_plain(log: logging.Logger, message: str, events: Iterable[str]) -> None:
    """Log at INFO, once for each of `events`, what happens thousands of times a second.

    An event is the members of a JSON object as they stand in the line: numbers, ids of ours and our own words alone, for
    nothing is escaped or redacted. Making and formatting a record costs ten times as much. Never raises what writing does.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, _JsonLines):
            moment = _timestamp(time.time())
            head = f'{{"timestamp":"{moment}","level":"INFO","logger":"{log.name}","message":"{message}",'
            head += f'"service":"{handler.formatter.service}",'
            _write_lines(handler, [f"{head}{event}}}\n" for event in events])
            return
    for event in events:
        with bind(**json.loads(f"{{{event}}}")):
            log.info(message)


def _write_lines(handler: logging.StreamHandler[TextIO], lines: Sequence[str]) -> None:
    try:
        for first in range(0, len(lines), LINES_AT_ONCE):
            handler.stream.write("".join(lines[first : first + LINES_AT_ONCE]))
            handler.flush()
    except Exception:  # noqa: BLE001  # a full disk stops nobody's work, as with any other line
        handler.handleError(logging.makeLogRecord({"msg": lines[0]}))


def _leave_out_what_no_line_shows() -> None:
    """Where in the source a line comes from, and from which thread: finding that out is half of a line's cost.

    The switches are those of "Optimization" in the Python documentation's logging HOWTO.
    """
    logging._srcfile = None
    logging.logThreads = logging.logMultiprocessing = False  # gunicorn's own lines show the process


def configure_logging(settings: Settings, service: str) -> None:
    """Send all logging of this process to stderr in the configured form. `service` is web, worker, clock or poller."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Ids(service))
    if settings.log_format is LogFormat.JSON:
        handler.setFormatter(_JsonLines(service))
    else:
        handler.setFormatter(_TextLines(f"%(asctime)s {service:<7} %(levelname)-7s %(message)s", "%H:%M:%S"))
    _leave_out_what_no_line_shows()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # These say at INFO what our own lines say better, or count requests.
    for noisy in ("rq.worker", "apscheduler", "urllib3", "alembic", "TeleBot"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
