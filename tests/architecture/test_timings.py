"""Tests give their own times to what they try; they change no constant of seconds behind its module's back."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source import Source, sources

TIMES = ("SECONDS", "MINUTES", "DELAY", "TIMEOUT", "BACKOFF", "INTERVAL", "PAUSE", "PATIENCE", "TTL")
# Where no caller stands between the test and the constant who could pass a time on.
EXCEPTIONS = {
    ("tests.jobs.test_unknown_jobs", "DEPLOYMENT_SECONDS"): "RQ calls the function that reads it by name",
    (
        "tests.blueprints.test_two_roads",
        "PROBE_SECONDS",
    ): "read by a thread of the web process that is made whole",
    (
        "tests.services.fleet.bots.test_registration",
        "REGISTER_SECONDS",
    ): "read three calls below the use case",
    (
        "tests.services.alerts.notifications.test_destinations",
        "TOTAL_SECONDS",
    ): "all destinations are called alike, from a registry",
    **{
        (
            f"tests.{name}",
            "CHECK_INTERVAL_SECONDS",
        ): "read by guards that intake, recorder and API make for themselves"
        for name in (
            "blueprints.test_full_redis",
            "services.messaging.limits.test_idempotency",
            "services.messaging.updates.test_intake",
            "services.traffic.clicks.test_no_room",
        )
    },
}


def patched_times(source: Source) -> Iterator[str]:
    """The constants of seconds that a file sets by monkeypatch or by assignment to another module."""
    for node in source.nodes:
        for name in _set_by(node):
            if name.isupper() and any(word in name for word in TIMES):
                yield name


def _set_by(node: ast.AST) -> Iterator[str]:
    """The names that a call of setattr (its second argument, or the end of a dotted first one) or an assignment sets."""
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "setattr":
        texts = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
        yield from (text.rpartition(".")[2] for text in texts if isinstance(text, str))
    elif isinstance(node, ast.Assign):
        yield from (target.attr for target in node.targets if isinstance(target, ast.Attribute))


def test_no_test_patches_a_constant_of_seconds_but_those_named() -> None:
    found = {
        (source.name, name)
        for source in sources()
        if source.package == "tests"
        for name in patched_times(source)
    }
    assert found == EXCEPTIONS.keys()


def test_a_patched_constant_is_noticed_in_whatever_form() -> None:
    text = """
monkeypatch.setattr(module, "IDLE_TIMEOUT_SECONDS", 0.3)
patch.setattr("services.somewhere.RETRY_DELAYS", (0.1,))
setattr(module, "BACKOFF", 1)
module.POLL_INTERVAL = 2
monkeypatch.setattr(module, "MAX_NAMES", 3)
monkeypatch.setattr(clock, "idle_timeout", 0.3)
"""
    source = Source("tests.made_up", sources()[0].path, text, ast.parse(text))
    assert set(patched_times(source)) == {"IDLE_TIMEOUT_SECONDS", "RETRY_DELAYS", "BACKOFF", "POLL_INTERVAL"}
