"""Dead letters (U7): updates, sends and jobs that were given up, kept for people to look at."""

from __future__ import annotations

import hashlib
import secrets
import traceback
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import Bot, DeadLetter
from services.accounts.caller import Caller
from services.metrics import DEAD_LETTERS
from services.platform import Platform
from services.redaction import redact, redact_text

LONGEST_ERROR = 4000  # characters
LONGEST_PAYLOAD_TEXT = 8000
MOST_LISTED = 100


def new_error_id() -> str:
    """A short id that a person can read out to support."""
    return secrets.token_hex(4).upper()


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
    payload: dict[str, Any] | None = None,
    error_id: str = "",
) -> str:
    """Add a dead letter to the caller's transaction and return its error id; a repeated `source_id` adds nothing.

    `kind` is intake, update, send or job; `where` (exception class and place) makes the fingerprint. Text and payload
    are redacted here.
    """
    account_id, bot_id = _owner(session, account_id, bot_id)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(DeadLetter)
        .values(
            account_id=account_id,
            bot_id=bot_id,
            kind=kind,
            source_id=source_id[:100],
            error_id=error_id or new_error_id(),
            error=redact_text(error)[:LONGEST_ERROR],
            fingerprint=hashlib.sha256(f"{kind}:{where or error}".encode()).hexdigest()[:32],
            attempts=attempts,
            payload=redact(_short(payload or {})),
        )
        .on_conflict_do_nothing(index_elements=["source_id"])
        .returning(DeadLetter.error_id)
    )
    added = session.scalar(statement)
    if added is not None:
        DEAD_LETTERS.labels(kind).inc()
        return str(added)
    return str(session.scalar(select(DeadLetter.error_id).where(DeadLetter.source_id == source_id[:100])))


def recent(
    platform: Platform,
    caller: Caller,
    *,
    bot_id: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[DeadLetter]:
    """The caller's dead letters, newest first, those with an id below `before`; at most 100."""
    wanted = select(DeadLetter).where(DeadLetter.account_id == caller.account_id)
    if bot_id is not None:
        wanted = wanted.where(DeadLetter.bot_id == bot_id)
    if before is not None:
        wanted = wanted.where(DeadLetter.id < before)
    with platform.database.reading() as session:
        return session.scalars(wanted.order_by(DeadLetter.id.desc()).limit(min(limit, MOST_LISTED))).all()


def place_of(error: BaseException) -> str:
    """Exception class and innermost place in code, the same for all failures of one cause."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return (
        f"{type(error).__name__}@{last.filename.rpartition('/')[2]}:{last.name}"
        if last
        else type(error).__name__
    )


def explain(error: BaseException) -> str:
    """The error with its last frames; redacted when stored."""
    return "".join(traceback.format_exception(error, limit=-6))


def _owner(session: Session, account_id: int | None, bot_id: int | None) -> tuple[int | None, int | None]:
    """The owner by the bot's row; a bot deleted meanwhile leaves only the account, if that is known."""
    if bot_id is None:
        return account_id, None
    found = session.scalar(select(Bot.account_id).where(Bot.id == bot_id))
    return (account_id, None) if found is None else (int(found), bot_id)


def _short(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value[:LONGEST_PAYLOAD_TEXT] if isinstance(value, str) else value
        for name, value in payload.items()
    }
