"""An update on its way through a lane, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from services.alerts.dead_letters.store import Failure
from services.messaging.limits.verdicts import Verdict


@dataclass
class QueuedUpdate:
    """An update read from a lane. `attempts` counts failed ones, `marks` crashes it was suspected of."""

    entry_id: str
    bot_id: int
    chat: str
    request_id: str
    update: str
    attempts: int = 0
    marks: int = 0
    suspected: bool = False
    non_retryable: bool = False  # no repetition would change its failure
    settled: bool = False
    backoffs: int = 0  # waits for the database or Redis, which count for nothing
    error: str = ""
    place: str = ""
    failures: tuple[Failure, ...] = ()  # of this process; those of a crashed one are only counted
    rank: int = 0
    verdict: Verdict | None = None  # None: not judged yet
    newer: bool = False  # of a release that this code does not understand


@dataclass(frozen=True)
class Send:
    """A message for the outbox; `call` is {"method", "params"} as JSON, tokens sealed."""

    priority: str
    chat: str
    call: str


@dataclass(frozen=True)
class HandlerResult:
    """What came of a handler, ready to be written. `conversation` is None when untouched, "" when ended."""

    sends: tuple[Send, ...] = ()
    conversation_key: str = ""
    conversation: str | None = None
    kept: tuple[tuple[str, str, int], ...] = ()  # payloads of buttons: key, value, life in s


EMPTY_RESULT = HandlerResult()
