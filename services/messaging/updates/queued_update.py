"""An update on its way through a lane, and what came of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from services.alerts.dead_letters.store import Failure
from services.messaging.limits.verdicts import Verdict

# What error handlers are told beside classes of exceptions.
PROCESS_KILLED = "ProcessKilled"  # its handler is held to have ended processes
UNKNOWN_ERROR = "Exception"  # it failed in a process that has died since


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
    alone: bool = False  # no other suspect of its process runs meanwhile
    non_retryable: bool = False  # no repetition would change its failure
    settled: bool = False
    backoffs: int = 0  # waits for the database or Redis, which count for nothing
    error: str = ""
    place: str = ""
    raised: str = UNKNOWN_ERROR  # the class of what the handler raised last
    failures: tuple[Failure, ...] = ()  # of this process; those of a crashed one are only counted
    rank: int = 0
    verdict: Verdict | None = None  # None: not judged yet
    unused: str = ""  # signature of a single-use button that it was to use up, and did not after all
    newer: bool = False  # of a release that this code does not understand


@dataclass(frozen=True)
class Send:
    """A message for the outbox; `call` is {"method", "params"} as JSON, tokens sealed."""

    priority: str
    chat: str
    call: str


@dataclass(frozen=True)
class HandedOver:
    """An update that goes on to its bot's worker (ADR 42), as JSON with tokens sealed; `start` is what a /start was sent with."""

    public_id: str
    ordered: bool
    chat: str
    start: str
    update: str


@dataclass(frozen=True)
class HandlerResult:
    """What came of a handler, ready to be written. `conversation` is None when untouched, "" when ended."""

    sends: tuple[Send, ...] = ()
    conversation_key: str = ""
    conversation: str | None = None
    kept: tuple[tuple[str, str, int], ...] = ()  # payloads of buttons: key, value ("": no more), life in s
    plugin: str = ""  # whose handler it was
    handed: HandedOver | None = None  # never with a plugin

    def as_text(self) -> str:
        """For a row that outlives this process."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> HandlerResult:
        """What `as_text` gave."""
        stored = json.loads(text)
        sends = tuple(Send(**send) for send in stored["sends"])
        kept = tuple((key, value, seconds) for key, value, seconds in stored["kept"])
        return cls(sends, stored["conversation_key"], stored["conversation"], kept, stored["plugin"])


EMPTY_RESULT = HandlerResult()
