"""What bots that keep messages sent: kept when the outbox is done with it, a batch at a time.

What a bot says by itself is kept after it left the outbox: a database that is away must not have it sent twice, so a process
that dies meanwhile loses that it was said. What an operator wrote stands there before, and learns here what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import case, insert, update
from sqlalchemy.orm import Session

from models import ChatMessage, Conversation
from services.core.encryption import Vault
from services.core.times import utc_now
from services.messaging.flows.people import pause_runs
from services.messaging.inbox.incoming import MESSAGES, keeping_bots
from services.messaging.inbox.texts import sealed_text
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.database import insert_of
from services.platform.platform import Platform

ANSWER: Final = "inbox"  # in `then` of a call: the number of the operator's message
SUPPORT: Final = ("support", "delivered")  # plugin and name of the answers that the plugin `support` brings
BY_TELEGRAM: Final = "telegram"  # who answered from a group: the plugin does not say more
TAKEOVER: Final = timedelta(minutes=30)  # the flow rests so long after an answer from a group
LONGEST_FAILURE: Final = 300
KINDS: Final = {  # method -> what is shown of it
    "sendMessage": "text",
    "sendPhoto": "photo",
    "sendVideo": "video",
    "sendAnimation": "animation",
    "sendAudio": "audio",
    "sendVoice": "voice",
    "sendVideoNote": "video_note",
    "sendDocument": "document",
    "sendSticker": "sticker",
    "sendMediaGroup": "album",
    "sendInvoice": "invoice",
    "copyMessage": "copy",
    "forwardMessage": "forward",
}


def is_answer(message: OutboxMessage) -> bool:
    """Whether an operator wrote it in the inbox."""
    then = message.call.get("then")
    return isinstance(then, dict) and isinstance(then.get(ANSWER), int)


def is_kept(message: OutboxMessage) -> bool:
    """Whether it is to be kept: it was sent, for a bot that keeps messages, to a private chat."""
    return message.keeps and message.sent is not None and message.method in KINDS and _person(message) > 0


def keep_outgoing(platform: Platform, messages: Sequence[OutboxMessage]) -> None:
    """Keep what was sent, and note what became of operators' answers; one transaction. Raises Unavailable."""
    with platform.database.transaction() as session:
        kept = [message for message in messages if is_kept(message) and not is_answer(message)]
        owners = keeping_bots(session, {message.bot_id for message in kept}) if kept else {}
        failed = [_settle_answer(session, message) for message in messages if is_answer(message)]
        _wait_again(session, [row for row in failed if row is not None])
        rows = [_row(platform.vault, message) for message in kept if message.bot_id in owners]
        if rows:
            session.execute(insert(MESSAGES), rows)
        _answered_in_group(session, [each for each in kept if _is_support(each)], owners)


def _settle_answer(session: Session, message: OutboxMessage) -> ChatMessage | None:
    """Note what became of an operator's answer; its row when it failed just now."""
    number = int(message.call["then"][ANSWER])
    row = session.get(ChatMessage, number, with_for_update=True)  # its bot may be about to be deleted
    if row is None or row.bot_id != message.bot_id or row.status != "sending":
        return None
    answer = message.answer or {}
    if answer.get("ok"):
        row.status, row.message_id = "sent", _message_id(answer.get("result"))
        return None
    row.status, row.failure = "failed", str(answer.get("description", ""))[:LONGEST_FAILURE]
    return row


def _wait_again(session: Session, rows: Sequence[ChatMessage]) -> None:
    """Whoever waited for an answer that failed still does."""
    for row in sorted(rows, key=lambda each: (each.bot_id, each.telegram_id)):
        session.execute(
            update(Conversation)
            .where(
                Conversation.bot_id == row.bot_id,
                Conversation.telegram_id == row.telegram_id,
                Conversation.unanswered_since.is_(None),
            )
            .values(unanswered_since=row.at)
        )


def _answered_in_group(
    session: Session, messages: Sequence[OutboxMessage], owners: Mapping[int, int]
) -> None:
    """An operator answered in topics of the plugin `support`: those are answers, and the flows rest.

    All conversations first, then all runs, each by bot and person: as whoever else holds several of them.
    """
    now = utc_now()
    people = sorted({(each.bot_id, _person(each)) for each in messages if each.bot_id in owners})
    pause_runs(
        session,
        {
            (bot_id, person): _note_answer(session, (owners[bot_id], bot_id, person), now)
            for bot_id, person in people
        },
        may_shorten=False,
    )


def _note_answer(session: Session, whose: tuple[int, int, int], now: datetime) -> datetime | None:
    """Note an answer; until when the conversation is taken over by that, never less than a colleague wants."""
    account_id, bot_id, person = whose
    until, theirs = now + TAKEOVER, Conversation.taken_over_until
    statement = insert_of(session, Conversation).values(
        account_id=account_id,
        bot_id=bot_id,
        telegram_id=person,
        last_message_at=now,
        answered_at=now,
        answered_by=BY_TELEGRAM,
        taken_over_until=until,
    )
    changes = {
        "unanswered_since": None,
        "last_message_at": now,
        "answered_at": now,
        "answered_by": BY_TELEGRAM,
        "taken_over_until": case((theirs > until, theirs), else_=until),
        "revision": Conversation.revision + 1,
    }
    statement = statement.on_conflict_do_update(index_elements=["bot_id", "telegram_id"], set_=changes)
    return session.scalar(statement.returning(theirs))  # type: ignore[no-any-return]


def _row(vault: Vault, message: OutboxMessage) -> dict[str, Any]:
    params = message.call["params"]
    return {
        "bot_id": message.bot_id,
        "telegram_id": _person(message),
        "direction": "out",
        "kind": KINDS[message.method],
        "sealed_text": sealed_text(vault, message.bot_id, " ".join(_words(params))),
        "message_id": _message_id(message.sent),
        "status": "sent",
        "by": BY_TELEGRAM if _is_support(message) else "",
        "at": utc_now(),
    }


def _words(params: dict[str, Any]) -> Iterator[str]:
    yield from (params[name] for name in ("text", "caption", "title") if isinstance(params.get(name), str))


def _is_support(message: OutboxMessage) -> bool:
    then = message.call.get("then")
    return isinstance(then, dict) and (then.get("plugin"), then.get("name")) == SUPPORT


def _person(message: OutboxMessage) -> int:
    """The Telegram id of the private chat that it went to; 0 for another one."""
    chat = str(message.call["params"].get("chat_id", ""))
    return int(chat) if chat.isascii() and chat.isdecimal() and len(chat) < 19 else 0


def _message_id(result: Any) -> int | None:
    first = result[0] if isinstance(result, list) and result else result
    number = first.get("message_id") if isinstance(first, dict) else None
    return number if isinstance(number, int) else None
