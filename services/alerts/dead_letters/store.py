"""Dead letters: updates, sends and jobs that were given up, kept for people to look at and to replay."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, DeadLetter, DeadLetterState
from services.alerts.dead_letters.error_templates import is_library, template_of
from services.alerts.dead_letters.replay_id import Replay
from services.core.encryption import Vault
from services.core.errors import FlotillaError
from services.core.i18n import Text
from services.core.metrics import DEAD_LETTERS
from services.core.redaction import redact, redact_text
from services.core.storable import storable
from services.core.times import iso, utc_now
from services.platform.database import insert_of

LONGEST_ERROR = 4000  # characters
LONGEST_PAYLOAD_TEXT = 8000
LONGEST_REASON = 300
NUMBERS = re.compile(r"[0-9]+")
QUOTE = re.compile(r"(?<!\w)[\"'`«“‘]")  # one that opens; in "can't" it is a letter
LONGEST_CAUSE = 200
MOST_ATTEMPTS = 60  # kept in a timeline; the newest


@dataclass(frozen=True)
class Failure:
    """One failed attempt: when (ISO 8601) and why."""

    at: str
    error: str | Text


def failure(error: BaseException) -> Failure:
    """The attempt that just failed."""
    words = error.text if isinstance(error, FlotillaError) else Text.verbatim(storable(str(error)))
    reason = Text("{kind}: {reason}", kind=type(error).__name__, reason=words)
    return Failure(iso(utc_now()) or "", reason.changed(redact_text).fitting(LONGEST_REASON))


def new_error_id() -> str:
    """A short id that a person can read out to support."""
    return secrets.token_hex(4).upper()


def sealed_original(vault: Vault, bot_id: int, original: dict[str, Any]) -> str:
    """What a replay needs, sealed for the bot; never shown to anybody."""
    return vault.seal(json.dumps(original, separators=(",", ":")), owner=_sealing_owner(bot_id))


def open_original(vault: Vault, bot_id: int, sealed: str) -> dict[str, Any]:
    """What `sealed_original` was given. Raises ConfigurationError when the key is gone."""
    original: dict[str, Any] = json.loads(vault.unseal(sealed, owner=_sealing_owner(bot_id)))
    return original


def store(
    session: Session,
    *,
    kind: str,
    source_id: str,
    error: str,
    where: str = "",
    bot_id: int | None = None,
    account_id: int | None = None,
    attempts: int = 1,
    failures: Sequence[Failure] = (),
    payload: dict[str, Any] | None = None,
    sealed_payload: str = "",
    is_uncertain: bool = False,
    error_id: str = "",
) -> str:
    """Add a dead letter to the caller's transaction and return its error id; a repeated `source_id` adds nothing.

    `kind` is intake, update, send or job; `where` (what tells causes apart) makes the fingerprint. Text and payload
    are redacted here; `sealed_payload` is the original for a replay.
    """
    error = storable(error)
    account_id, bot_id = _owner(session, account_id, bot_id)
    statement = (
        insert_of(session, DeadLetter)
        .values(
            account_id=account_id,
            bot_id=bot_id,
            kind=kind,
            source_id=source_id[:100],
            error_id=error_id or new_error_id(),
            error=redact_text(error)[:LONGEST_ERROR],
            fingerprint=_fingerprint(kind, where or without_quotes(summary(error))),
            attempts=attempts,
            timeline=_timeline(failures, error, 0),
            payload=_short(redact(payload or {})),
            sealed_payload=sealed_payload if bot_id is not None else "",
            is_uncertain=is_uncertain,
        )
        .on_conflict_do_nothing(index_elements=["source_id"])
        .returning(DeadLetter.error_id)
    )
    added = session.scalar(statement)
    if added is not None:
        DEAD_LETTERS.labels(kind).inc()
        return str(added)
    return str(session.scalar(select(DeadLetter.error_id).where(DeadLetter.source_id == source_id[:100])))


def store_job(session: Session, *, function: str, args: Sequence[Any], error: str, where: str) -> str:
    """Keep the failure of a job and return its error id: one letter per cause, however often the clock asks again.

    A failure of a cause whose letter is open adds an attempt to it; once that letter is settled the next one is new.
    """
    cause = f"{where}:{json.dumps(list(args))}"
    source_id = f"job:{function[:48]}:{_fingerprint('job', cause)}"
    letter = session.scalar(select(DeadLetter).where(DeadLetter.source_id == source_id).with_for_update())
    if letter is not None and letter.state != DeadLetterState.OPEN:
        letter.source_id = f"{source_id}#{letter.id}"
        session.flush()
    elif letter is not None:
        letter.attempts += 1
        letter.timeline = [*letter.timeline, *_timeline((), storable(error), 0)][-MOST_ATTEMPTS:]
        return letter.error_id
    payload = {"function": function, "args": list(args)}
    return store(session, kind="job", source_id=source_id, error=error, where=where, payload=payload)


def open_again(
    session: Session,
    replay: Replay,
    *,
    error: str | Text,
    where: str = "",
    attempts: int = 1,
    failures: Sequence[Failure] = (),
    is_uncertain: bool = False,
) -> str:
    """A replay was given up: its letter is open again, with the attempts added. Returns the letter's error id.

    `attempts` 0 says that the replay never ran; then the letter's own error stays.

    Telling a second time, after a crash, changes nothing; nor does it when the letter is gone ("").
    """
    letter = session.scalar(select(DeadLetter).where(DeadLetter.id == replay.letter_id).with_for_update())
    if letter is None:
        return ""
    if letter.state == DeadLetterState.REPLAYING and letter.replays == replay.number:
        letter.state = DeadLetterState.OPEN
        if attempts:
            letter.error = redact_text(storable(str(error)))[:LONGEST_ERROR]
            letter.fingerprint = _fingerprint(letter.kind, where or without_quotes(summary(str(error))))
            letter.attempts += attempts
        letter.timeline = [*letter.timeline, *_timeline(failures, error, replay.number)][-MOST_ATTEMPTS:]
        letter.is_uncertain = letter.is_uncertain or is_uncertain
        letter.replay_entry = ""
    return letter.error_id


def cause_of(error: BaseException) -> str:
    """What tells the causes of failures apart: the exception's class and the innermost place in our code or a plugin's.

    Many failures come out of one place in a library or a database's driver: there its words, without values, tell too.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not is_library(frame.filename)]
    place = "".join(f"@{frame.filename.rpartition('/')[2]}:{frame.name}" for frame in (own or frames)[-1:])
    words = f": {template_of(error)}" if frames and is_library(frames[-1].filename) else ""
    return f"{type(error).__name__}{place}{words}"


def explain(error: BaseException) -> str:
    """The error with its last frames; redacted when stored."""
    return "".join(traceback.format_exception(error, limit=-6))


def summary(error: str) -> str:
    """The line of a stored error that says most: of a traceback the last exception's first, else the last."""
    raised = error.rpartition("\n  File ")[2].splitlines()[1:] if "\n  File " in error else []
    said = [line for line in raised if line.strip() and not line.startswith(" ")]
    lines = said[:1] or [line for line in error.splitlines() if line.strip()][-1:]
    return lines[0].strip()[:LONGEST_REASON] if lines else ""


def _timeline(failures: Sequence[Failure], error: str | Text, number: int) -> list[dict[str, Any]]:
    """Attempts as they are stored; what failed without a note of it (a crash, a broken body) leaves one line."""
    reason = error if isinstance(error, Text) else summary(redact_text(error))
    known = failures or (Failure(iso(utc_now()) or "", reason),)
    return [{"at": each.at, "error": each.error, "replay": number} for each in known[-MOST_ATTEMPTS:]]


def without_quotes(words: str) -> str:
    """What somebody else says of a failure, up to what it quotes: people's own words (`Unsupported start tag "…"`) would
    make causes without end.
    """
    return QUOTE.split(words, maxsplit=1)[0][:LONGEST_CAUSE]


def _fingerprint(kind: str, cause: str) -> str:
    """One for all failures of a cause: numbers in it, such as ids and seconds, tell the failures apart, not the causes."""
    plain = NUMBERS.sub("#", cause)
    return hashlib.sha256(f"{kind}:{plain}".encode(errors="replace")).hexdigest()[:32]


def _owner(session: Session, account_id: int | None, bot_id: int | None) -> tuple[int | None, int | None]:
    """The owner by the bot's row; a bot deleted meanwhile leaves only the account, if that is known."""
    if bot_id is None:
        return account_id, None
    found = session.scalar(select(Bot.account_id).where(Bot.id == bot_id))
    return (account_id, None) if found is None else (int(found), bot_id)


def _sealing_owner(bot_id: int) -> str:
    return f"dead_letter:{bot_id}"


def _short(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        name: storable(value[:LONGEST_PAYLOAD_TEXT]) if isinstance(value, str) else value
        for name, value in payload.items()
    }
