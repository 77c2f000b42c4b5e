"""What waits, after a person asked for it in the chat, for a code there or for somebody's word in the panel.

One row a person: a new request takes the place of the one before, and it ends with the link.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select, update

from models import ChatRequest, ChatRequestState
from services.core.i18n import Text
from services.core.times import utc_now
from services.operations.manager.person import Person

VALID: Final = timedelta(minutes=5)
LONGEST_WORDS: Final = 300  # characters, as stored


def request_of(person: Person) -> ChatRequest | None:
    """The person's last request while it is in force; None where there is none."""
    mine = ChatRequest.link_id == person.linked.link_id
    with person.platform.database.reading() as session:
        return session.scalar(select(ChatRequest).where(mine, ChatRequest.expires_at > utc_now()))


def ask(
    person: Person,
    action: str,
    payload: str,
    words: Text,
    *,
    state: ChatRequestState = ChatRequestState.WAITING,
) -> ChatRequest:
    """Keep what the person asks for in place of what they asked for before; for five minutes."""
    made = ChatRequest(
        id=secrets.token_hex(16),
        account_id=person.caller.account_id,
        link_id=person.linked.link_id,
        action=action,
        payload=payload,
        words=words.fitting(LONGEST_WORDS),
        language=person.language[:16],
        state=state,
        expires_at=utc_now() + VALID,
    )
    with person.platform.database.transaction() as session:
        session.execute(delete(ChatRequest).where(ChatRequest.link_id == made.link_id))
        session.add(made)
    return made


def drop(person: Person, request_id: str) -> None:
    """Let nothing come of it."""
    mine = ChatRequest.link_id == person.linked.link_id
    with person.platform.database.transaction() as session:
        session.execute(delete(ChatRequest).where(mine, ChatRequest.id == request_id))


def note_done(person: Person, request_id: str) -> None:
    """It was done, and is not to be done again."""
    mine = (ChatRequest.link_id == person.linked.link_id, ChatRequest.id == request_id)
    with person.platform.database.transaction() as session:
        session.execute(update(ChatRequest).where(*mine).values(state=ChatRequestState.DONE))
