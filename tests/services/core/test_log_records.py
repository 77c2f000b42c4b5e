"""What a record of the log still knows once our logging is set up: as much as anybody's lines show, and no more."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from gunicorn.glogging import Logger

from services.core.logs import configure_logging
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
