"""Lines of LOG_FORMAT=text: what strangers write begins no line of its own and commands no terminal."""

from __future__ import annotations

import logging

import pytest

from services.core.logs import _TextLines


@pytest.mark.parametrize(
    "text", ["/a\n2026 ERROR forged", "\x1b[2J", "\r\x08x", "\u202egnp", "\x9b31m", "\u2028x"]
)
def test_a_message_stays_one_plain_line(text: str) -> None:
    record = logging.makeLogRecord({"msg": "GET %s", "args": (text,), "levelname": "INFO"})
    line = _TextLines("%(levelname)s %(message)s").format(record)
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_lines_of_an_exception_are_set_apart_from_those_of_the_log() -> None:
    try:
        raise ValueError("x\n00:00:00 web INFO forged\x1b[2J")
    except ValueError as error:
        record = logging.makeLogRecord(
            {"msg": "failed", "exc_info": (ValueError, error, error.__traceback__)}
        )
    first, *rest = _TextLines("%(message)s").format(record).split("\n")
    assert first == "failed"
    assert rest != []
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
