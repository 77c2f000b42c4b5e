"""What Sentry is told, by a played ingest on loopback: the error and where it was, never a secret or what people wrote."""

from __future__ import annotations

import gzip
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk

from services.core.environment import load_settings
from services.core.error_reporting import report_errors
from services.core.errors import ConfigurationError
from services.core.logs import bind
from services.core.settings import Settings
from tools.servers.fleet import environment
from tools.servers.receivers import Receiver, http_receiver

TOKEN = "7001234567:" + "canary" * 6
CANARIES = ("canary", "203.0.113.9", "2001:db8::9", "hidden-by-setting")
LOGGER = logging.getLogger("tests.reporting")


@pytest.fixture
def ingest() -> Iterator[Receiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def reporting(ingest: Receiver, settings: Settings) -> Iterator[None]:
    """This process tells the ingest; afterwards nobody."""
    root, hook = logging.getLogger(), sys.excepthook
    before = list(root.handlers)
    given = {"SENTRY_DSN": ingest.url.replace("://", "://key@") + "/1", "METRICS_TOKEN": "hidden-by-setting"}
    report_errors(load_settings({**environment(settings), **given}), "worker")
    yield
    root.handlers[:] = before
    sys.excepthook = hook
    sentry_sdk.get_client().close()
    sentry_sdk.init(default_integrations=False)  # they would stay in the HTTP client of this process


def events(ingest: Receiver) -> list[dict[str, Any]]:
    """The events in all envelopes: lines of JSON, each item's header before it."""
    found = []
    for post in ingest.posts:
        _, *lines = content(post.body).splitlines()
        items = zip(lines[::2], lines[1::2], strict=False)
        found += [json.loads(body) for header, body in items if json.loads(header)["type"] == "event"]
    return found


def content(body: bytes) -> bytes:
    """The body of a request without its packing."""
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def fail_with(words: str) -> None:
    """Raise where a local variable and the line of source hold what must stay here."""
    body = {"text": "canary, typed by somebody"}
    raise ValueError(f"{words} {len(body)}")


@pytest.mark.usefixtures("reporting")
def test_a_logged_error_arrives_with_its_ids_and_without_any_secret(ingest: Receiver) -> None:
    with bind(request_id="00ff00ff00ff00ff", bot_id=7):
        try:
            fail_with(
                f"{TOKEN} https://a:canarypass@x/ flk_ab_{'canary' * 4} 203.0.113.9 2001:db8::9 hidden-by-setting"
            )
        except ValueError:
            LOGGER.exception("bot %s failed at %s", TOKEN, "203.0.113.9:443", extra={"body": "canary"})
    sentry_sdk.flush(5)
    (event,) = events(ingest)
    assert event["tags"] == {"service": "worker", "request_id": "00ff00ff00ff00ff", "bot_id": "7"}
    assert (event["environment"], event["level"]) == ("test", "error")
    (error,) = event["exception"]["values"]
    assert error["type"] == "ValueError"
    assert error["stacktrace"]["frames"][-1]["function"] == "fail_with"
    told = b"".join(content(post.body) for post in ingest.posts).decode()
    told = told.replace("test_error_reporting", "")
    for canary in CANARIES:
        assert canary not in told


@pytest.mark.usefixtures("reporting")
def test_what_is_no_error_stays_here(ingest: Receiver) -> None:
    LOGGER.warning("only a warning")
    LOGGER.error("an error")
    sentry_sdk.flush(5)
    assert [event["logentry"]["formatted"] for event in events(ingest)] == ["an error"]


def test_a_process_that_ends_by_an_error_tells_it(ingest: Receiver, settings: Settings) -> None:
    code = f"from jobs import process; process.begin('clock'); raise RuntimeError('ended at {TOKEN}')"
    dsn = ingest.url.replace("://", "://key@") + "/1"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(settings), "SENTRY_DSN": dsn},
        stderr=subprocess.DEVNULL,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    (event,) = events(ingest)
    assert event["tags"] == {"service": "clock"}
    assert event["exception"]["values"][0]["value"] == "ended at [redacted]"


@pytest.mark.parametrize(
    ("variable", "value", "module", "told"),
    [
        ("SENTRY_DSN", "https://key@sentry.example/1", "sentry_sdk", "extra `sentry`"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://localhost:4318",
            "opentelemetry.exporter.otlp.proto.http",
            "extra `otel`",
        ),
    ],
)
def test_without_its_extra_the_start_is_refused_with_what_to_install(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, module: str, told: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError) as refused:
        load_settings({**environment(settings), variable: value})
    words = str(refused.value.text)
    assert f"{variable} needs the {told}" in words
    assert "pip install '" in words


@pytest.mark.parametrize(
    "dsn", ["sentry.example/1", "https://sentry.example/1", "https://key@sentry.example/name"]
)
def test_a_wrong_dsn_is_refused_without_being_shown(settings: Settings, dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="SENTRY_DSN must look like") as refused:
        load_settings({**environment(settings), "SENTRY_DSN": dsn})
    assert dsn not in str(refused.value.text)
