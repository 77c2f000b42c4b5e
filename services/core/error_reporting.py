"""Errors told to Sentry, where SENTRY_DSN wants it: what is logged as an error, and what ends a process.

An event holds the exception's class, its words, where it was raised, and the ids of the work at hand. Local variables,
lines of source, bodies and environments stay here: a handler's frames are full of what people wrote. Words are redacted as
in logs, and lose the installation's own secrets and all addresses besides.
"""

from __future__ import annotations

import atexit
import logging
import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from services.core.logs import bound_ids
from services.core.redaction import HIDDEN, redact
from services.core.settings import Settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event

FLUSH_SECONDS: Final = 2.0  # that an ending process waits for what is on its way
SHORTEST_SECRET: Final = 8  # characters
IDS: Final = ("request_id", "bot_id", "update_id", "job_id")  # of those bound to the log, as tags
KEPT: Final = frozenset(
    (
        "event_id",
        "timestamp",
        "level",
        "logger",
        "platform",
        "release",
        "environment",
        "server_name",
        "exception",
        "logentry",
        "sdk",
        "transaction",
    )
)
ADDRESS: Final = re.compile(
    r"(?<![\w.:])(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:]))"
)
FRAME: Final = frozenset(("filename", "abs_path", "function", "module", "lineno", "in_app"))


def report_errors(settings: Settings, service: str) -> None:
    """Begin to tell Sentry of this process's errors; does nothing without SENTRY_DSN. Call it after `configure_logging`."""
    dsn = settings.sentry_dsn.get_secret_value()
    if not dsn:
        return
    hidden = _secrets(settings)
    import sentry_sdk  # noqa: PLC0415 - an extra
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration  # noqa: PLC0415 - as above
    from sentry_sdk.integrations.logging import EventHandler, ignore_logger  # noqa: PLC0415 - as above

    sentry_sdk.init(
        dsn=dsn,
        environment=settings.sentry_environment or str(settings.app_env),
        release=settings.sentry_release,
        sample_rate=settings.sentry_sample_rate,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[ExcepthookIntegration()],
        before_send=lambda event, _: scrubbed(event, service, hidden),
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        auto_session_tracking=False,
        traces_sample_rate=None,
        send_client_reports=False,
        shutdown_timeout=FLUSH_SECONDS,
    )
    ignore_logger("urllib3.*")  # its own connections to Sentry; ours have better words
    logging.getLogger().addHandler(EventHandler(level=logging.ERROR))
    atexit.register(sentry_sdk.flush, FLUSH_SECONDS)


def _secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets among the settings, the longest first; one of a few characters would hide words of every day."""
    values = [getattr(settings, name) for name in type(settings).model_fields]
    flat = [each for value in values for each in (value if isinstance(value, tuple) else (value,))]
    texts = {each.get_secret_value() for each in flat if isinstance(each, SecretStr)}
    return tuple(sorted((text for text in texts if len(text) >= SHORTEST_SECRET), key=len, reverse=True))


def scrubbed(event: Event, service: str, hidden: tuple[str, ...] = ()) -> Event:
    """What of the event may leave: a list of what is kept, so that nothing new of the library's slips out.

    `hidden` are secrets that no pattern knows.
    """
    kept: dict[str, Any] = {name: value for name, value in event.items() if name in KEPT}
    if "logentry" in kept:
        entry = kept["logentry"]
        # The pattern groups alike events; the arguments by themselves say nothing more than the finished words.
        kept["logentry"] = {"message": entry.get("message"), "formatted": entry.get("formatted")}
    if "exception" in kept:
        kept["exception"] = {"values": [_exception(each) for each in kept["exception"].get("values", ())]}
    kept["tags"] = {"service": service, **{name: str(value) for name, value in _ids()}}
    cleaned: Event = _without(redact(kept), hidden)
    return cleaned


def _without(value: Any, hidden: tuple[str, ...]) -> Any:
    """`value` with none of these secrets and no address in any text."""
    if isinstance(value, dict):
        return {name: _without(item, hidden) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, hidden) for item in value]
    if not isinstance(value, str):
        return value
    for secret in hidden:
        value = value.replace(secret, HIDDEN)
    return ADDRESS.sub("[address]", value)


def _ids() -> list[tuple[str, Any]]:
    bound = bound_ids()
    return [(name, bound[name]) for name in IDS if name in bound]


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    """Class, words and places; `module` is that of the class."""
    frames = (value.get("stacktrace") or {}).get("frames", ())
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "value": value.get("value"),
        "mechanism": {"type": "generic", "handled": (value.get("mechanism") or {}).get("handled", True)},
        "stacktrace": {
            "frames": [{name: item for name, item in frame.items() if name in FRAME} for frame in frames]
        },
    }
