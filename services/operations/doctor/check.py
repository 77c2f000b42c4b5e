"""What a check is, and the list of all: `@check` adds one, its function says what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.core.i18n import Text
from services.operations.doctor.facts import Facts

Look = Callable[[Facts], Text | None]  # what is wrong; None when nothing is
Remedy = Callable[[Facts], None]


class Severity(StrEnum):
    """How bad it is: errors cost traffic, messages or data now; warnings may do so later."""

    ERROR = "error"
    WARNING = "warning"


class Topic(StrEnum):
    SETTINGS = "settings"
    KEYS = "keys"
    DATABASE = "database"
    REDIS = "redis"
    MACHINE = "machine"
    PROCESSES = "processes"
    QUEUES = "queues"
    TELEGRAM = "telegram"
    REACHABILITY = "reachability"
    NOTIFICATIONS = "notifications"
    BACKUPS = "backups"
    FLEET = "fleet"
    EXTENSIONS = "extensions"  # plugins, bots' files, programs


class NotApplicable(Exception):
    """Raised by a look where there is nothing to look at, such as Kafka in an installation without it."""


class CouldNotLook(Exception):
    """Raised by a look that needs what does not answer; it is told, never taken for health."""


@dataclass(frozen=True)
class Check:
    """One check. `name` is stable; `why` it matters; `advice` what to do; a `remedy` does it where that is safe."""

    name: str
    topic: Topic
    severity: Severity
    title: str
    why: Text
    advice: Text
    look: Look
    remedy: Remedy | None = None


_CHECKS: Final[dict[str, Check]] = {}


def check(
    topic: Topic, severity: Severity, *, why: Text, advice: Text, remedy: Remedy | None = None
) -> Callable[[Look], Look]:
    """Register the decorated function under its own name; the first line of its docstring says what is well."""

    def register(look: Look) -> Look:
        name = look.__name__
        title = (look.__doc__ or "").partition("\n")[0]
        if not title or name in _CHECKS:
            raise ValueError(f"the check {name} has no title, or is there twice")
        _CHECKS[name] = Check(name, topic, severity, title, why, advice, look, remedy)
        return look

    return register


def every() -> Iterator[Check]:
    """All registered checks, topic by topic."""
    order = list(Topic)
    yield from sorted(_CHECKS.values(), key=lambda check: order.index(check.topic))
