"""Dead letters of a bot, put straight into the tables of the running installation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete, select

from models import Bot, DeadLetter
from services.dead_letters.store import new_error_id, sealed_original, store
from services.platform import Platform
from services.times import utc_now

CHAT = 987_654_321  # who writes a word that no plugin answers


@contextmanager
def dead_letters(platform: Platform, username: str) -> Iterator[None]:
    """Two updates of one cause, one of another, a broken body, and a send that may have arrived."""
    _add(platform, username, "update", "KeyError: first", 1)
    _add(platform, username, "update", "KeyError: first", 2)
    _add(platform, username, "update", "ValueError: second", 3)
    _add(platform, username, "intake", "The body was no update", 4)
    _add(platform, username, "send", "Read timed out", 5)
    yield
    with platform.database.transaction() as session:
        session.execute(delete(DeadLetter))


def outcomes(platform: Platform) -> dict[str, list[str]]:
    """What became of the letters of each cause: their resolution, or their state while there is none."""
    found: dict[str, list[str]] = {}
    with platform.database.reading() as session:
        for letter in session.scalars(select(DeadLetter).order_by(DeadLetter.id)):
            cause = letter.error.splitlines()[-1]
            found.setdefault(cause, []).append(letter.resolution or letter.state)
    return found


def _add(platform: Platform, username: str, kind: str, error: str, number: int) -> None:
    with platform.database.transaction() as session:
        bot_id = session.scalars(select(Bot.id).where(Bot.username == username)).one()
        original = {"chat": str(CHAT), "request": f"letter{number}", "update": _update(number)}
        store(
            session,
            kind=kind,
            source_id=f"browser:{number}:{new_error_id()}",
            error=f"Traceback (most recent call last):\n{error}",
            where=error,
            bot_id=bot_id,
            payload={"update_id": 10_000 + number},
            sealed_payload=sealed_original(platform.vault, bot_id, original) if kind == "update" else "",
            is_uncertain=kind == "send",
        )


def _update(number: int) -> str:
    person = {"id": CHAT, "is_bot": False, "first_name": "Ana"}
    chat = {"id": CHAT, "type": "private", "first_name": "Ana"}
    at = int(utc_now().timestamp())
    message = {"message_id": number, "date": at, "chat": chat, "from": person, "text": "hm"}
    return json.dumps({"update_id": 10_000 + number, "message": message})
