"""What people write to bots that keep messages: written beside the people themselves, three queries for a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, ChatMessage, Conversation
from plugins.context import Context
from services.core.encryption import Vault
from services.core.times import utc_now
from services.messaging.inbox.texts import sealed_text
from services.platform.database import insert_of
from services.traffic.clicks.attribution import NUMBERS_OF_AN_IDENTITY

# As tables, with the rows as parameters: one statement that is compiled once, whatever their number.
MESSAGES: Final[Any] = ChatMessage.__table__
TALKS: Final[Any] = Conversation.__table__


@dataclass(frozen=True)
class IncomingMessage:
    """A message of a person's. `waits`: it wants an answer, which a command does not. `update_id` is unique per bot."""

    bot_id: int
    telegram_id: int
    kind: str
    text: str
    message_id: int
    update_id: int
    waits: bool
    at: datetime


def incoming_of(ctx: Context, identity: int) -> IncomingMessage | None:
    """The message behind an update that a bot is to keep; None for a bot that keeps none, a group, or another kind."""
    if not ctx.bot.keeps_messages or ctx.kind != "message" or ctx.event.chat.type != "private":
        return None
    text = str(ctx.event.text or ctx.event.caption or "")
    return IncomingMessage(
        bot_id=ctx.bot.id,
        telegram_id=ctx.event.from_user.id,
        kind=str(ctx.event.content_type)[:20],
        text=text,
        message_id=int(ctx.event.message_id),
        update_id=int(ctx.update["update_id"]) + (identity - 1) * NUMBERS_OF_AN_IDENTITY,
        waits=not text.startswith("/"),
        at=utc_now(),
    )


def keep_incoming(session: Session, vault: Vault, messages: Sequence[IncomingMessage]) -> None:
    """Keep messages in the caller's transaction, and note who waits for an answer. A repeated update adds nothing.

    Those of bots that were deleted, or keep none any more, are passed over.
    """
    owners = keeping_bots(session, {each.bot_id for each in messages})
    wanted = [each for each in messages if each.bot_id in owners]
    if not wanted:
        return
    fresh = _insert_messages(session, vault, wanted)
    talks: dict[tuple[int, int], dict[str, Any]] = {}
    for each in wanted:
        if (each.bot_id, each.update_id) in fresh:
            talk = talks.setdefault((each.bot_id, each.telegram_id), _talk(each, owners[each.bot_id]))
            talk["last_message_at"] = each.at
            if talk["unanswered_since"] is None and each.waits:
                talk["unanswered_since"] = each.at
    if talks:
        note_waiting(session, [talks[key] for key in sorted(talks)])


def keeping_bots(session: Session, bot_ids: Iterable[int]) -> dict[int, int]:
    """Of these bots those that keep messages, with their accounts. On PostgreSQL none that is being deleted, for which it waits:
    its rows would be refused, and with them those of all others.
    """
    query = select(Bot.id, Bot.account_id).where(Bot.id.in_(sorted(bot_ids)), Bot.keeps_messages.is_(True))
    return dict(session.execute(query.with_for_update(read=True, key_share=True)).all())


def note_waiting(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Make these conversations, or note in those that are there since when the person waits, unless they did before."""
    statement = insert_of(session, TALKS)
    changes = {
        "unanswered_since": func.coalesce(TALKS.c.unanswered_since, statement.excluded.unanswered_since),
        "last_message_at": statement.excluded.last_message_at,
    }
    statement = statement.on_conflict_do_update(index_elements=["bot_id", "telegram_id"], set_=changes)
    session.execute(statement.returning(TALKS.c.id), rows)


def _insert_messages(
    session: Session, vault: Vault, messages: Sequence[IncomingMessage]
) -> set[tuple[int, int]]:
    """Those that were new, by bot and update."""
    rows = [
        {
            "bot_id": each.bot_id,
            "telegram_id": each.telegram_id,
            "direction": "in",
            "kind": each.kind,
            "sealed_text": sealed_text(vault, each.bot_id, each.text),
            "message_id": each.message_id,
            "update_id": each.update_id,
            "at": each.at,
        }
        for each in messages
    ]
    statement = insert_of(session, MESSAGES)
    statement = statement.on_conflict_do_nothing(index_elements=["bot_id", "update_id"])
    inserted = session.execute(statement.returning(MESSAGES.c.bot_id, MESSAGES.c.update_id), rows)
    return {(bot_id, update_id) for bot_id, update_id in inserted}


def _talk(message: IncomingMessage, account_id: int) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "bot_id": message.bot_id,
        "telegram_id": message.telegram_id,
        "unanswered_since": None,
        "last_message_at": message.at,
        "revision": 1,
        "answered_by": "",
        "assigned_to": "",
    }
