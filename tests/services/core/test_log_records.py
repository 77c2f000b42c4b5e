"""What a record of the log still knows once our logging is set up: as much as anybody's lines show, and no more."""

from __future__ import annotations

import errno
import json
import logging
import select
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.glogging import Logger

from services.core.logs import configure_logging, log_plain
from services.core.setting_types import LogFormat
from services.core.settings import Settings

SWITCHES = ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing")


@pytest.fixture
def configured(settings: Settings) -> Iterator[None]:
    """Logging as in the web process, and as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    switches = {name: getattr(logging, name) for name in SWITCHES}
    configure_logging(settings, "web")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, value in switches.items():
        setattr(logging, name, value)


@pytest.mark.usefixtures("configured")
def test_gunicorn_can_write_its_lines_which_show_the_process() -> None:
    record = logging.getLogger("gunicorn.error").makeRecord("gunicorn.error", 40, "", 0, "failed", (), None)
    assert "failed" in logging.Formatter(Logger.error_fmt, Logger.datefmt).format(record)


@pytest.mark.usefixtures("configured")
def test_nobody_looks_up_where_a_line_comes_from(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("tests.records").error("failed")
    [record] = caplog.records
    assert (record.lineno, record.threadName) == (0, None)


EVENTS = ('"slug":"spring","bot_id":7', '"slug":"autumn","bot_id":null')


@pytest.mark.usefixtures("configured")
def test_plain_lines_are_what_a_record_of_the_same_would_be(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(settings.model_copy(update={"log_format": LogFormat.JSON}), "web")
    log = logging.getLogger("flotilla.redirects")
    log_plain(log, "redirect", EVENTS)
    log.info("redirect", extra={"slug": "spring", "bot_id": 7})
    first, second, record = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (second["slug"], second["bot_id"]) == ("autumn", None)
    assert first.pop("timestamp")[:10] == record.pop("timestamp")[:10]
    assert first == record


@pytest.mark.usefixtures("configured")
def test_plain_lines_in_text_show_what_they_know(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(settings.model_copy(update={"log_format": LogFormat.TEXT}), "web")
    log_plain(logging.getLogger("flotilla.redirects"), "redirect", EVENTS)
    spring, autumn = capsys.readouterr().err.splitlines()
    assert spring.endswith("INFO    redirect slug=spring bot_id=7")
    assert autumn.endswith("INFO    redirect slug=autumn bot_id=None")


@pytest.mark.usefixtures("configured")
def test_plain_lines_of_a_quiet_logger_are_not_even_made(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(settings.model_copy(update={"log_level": "WARNING"}), "web")
    made: list[str] = []

    def events() -> Iterator[str]:
        for event in EVENTS:
            made.append(event)
            yield event

    log_plain(logging.getLogger("flotilla.redirects"), "redirect", events())
    assert (made, capsys.readouterr().err) == ([], "")


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_full_disk_stops_nobody_who_writes_plain_lines(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, log_format: LogFormat
) -> None:
    configure_logging(settings.model_copy(update={"log_format": log_format}), "web")
    [handler] = logging.getLogger().handlers
    writes: list[str] = []

    def write(text: str) -> None:
        writes.append(text)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(handler, "stream", SimpleNamespace(write=write, flush=lambda: None))
    log_plain(logging.getLogger("flotilla.redirects"), "redirect", EVENTS)
    assert writes != []


@pytest.mark.usefixtures("configured")
def test_no_write_of_plain_lines_is_larger_than_a_pipe_keeps_together(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_logging(settings.model_copy(update={"log_format": LogFormat.JSON}), "web")
    written: list[str] = []
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", SimpleNamespace(write=written.append, flush=lambda: None))
    event = f'"slug":"{"a" * 50}","bot_id":{2**31},"strategy":"least_connections","tier":"reserve","click_id":"{"a" * 22}"'
    event += ',"audience":"prefetch"'
    log_plain(logging.getLogger("flotilla.redirects"), "redirect", [event] * 128)
    assert "".join(written).count("\n") == 128
    assert max(map(len, written)) <= select.PIPE_BUF
