"""An operator's answer: written down, then sent. Never twice: not by one form, and not over somebody else's answer.

The row is committed before the call goes to the outbox. A process that dies between the two leaves an answer that stays
"sending": `is_overdue` says so to whoever looks, and they decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Bot, ChatMessage, Conversation, Lead
from plugins.effects import Priority
from services.core.encryption import Vault
from services.core.errors import Conflict, NotFound
from services.core.i18n import Text
from services.core.times import utc_now
from services.messaging.flows.people import pause_run
from services.messaging.inbox.fields import NewAnswer
from services.messaging.inbox.operators import operator_name
from services.messaging.inbox.outgoing import ANSWER
from services.messaging.inbox.texts import opened_text, sealed_text
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.accounts.principal import MISSING, Principal, audit, get_owned
from services.platform.platform import Platform
from services.traffic.clicks.leads import ACTIVE, present_state

OVERDUE: Final = timedelta(minutes=2)  # beyond every wait for Telegram's limits of one chat


def answer(platform: Platform, caller: Principal, conversation_id: int, wanted: NewAnswer) -> ChatMessage:
    """Answer somebody; the message, which a form sent again gets too.

    Raises NotFound, Conflict `answered_meanwhile` when the conversation is not as it was read, `person_unreachable`,
    `messages_not_kept`, `form_key_taken` by an answer to somebody else; RedisError when the answer stands written and is not on its way.
    """
    with _own_key(), platform.database.transaction() as session:
        talk = locked_conversation(session, caller, conversation_id)
        known = _of_form(session, talk, wanted.form_key)
        if known is not None:
            _refuse_other_text(platform.vault, known, wanted.text)
            return known
        refuse_changed(talk, wanted.revision)
        _refuse_unreachable(session, talk)
        now = utc_now()
        message = _written(platform.vault, session, talk, wanted, operator_name(session, caller), now)
        if wanted.take_over_minutes:
            until = now + timedelta(minutes=wanted.take_over_minutes)
            talk.taken_over_until = max(
                until, talk.taken_over_until or until
            )  # never less than a colleague wants
            pause_run(session, talk.bot_id, talk.telegram_id, talk.taken_over_until, may_shorten=False)
        audit(
            session,
            caller,
            "conversation_answered",
            account_id=talk.account_id,
            bot_id=talk.bot_id,
            conversation=talk.id,
            telegram_id=talk.telegram_id,
        )
    params = {"chat_id": message.telegram_id, "text": wanted.text}
    enqueue_call(platform, message.bot_id, "sendMessage", params, Priority.REPLY, then={ANSWER: message.id})
    return message


@contextmanager
def _own_key() -> Iterator[None]:
    """A key that another person's answer has becomes Conflict."""
    try:
        yield
    except IntegrityError as error:
        if "form_key" not in str(error.orig):
            raise
        raise Conflict(
            "This form_key sent an answer to somebody else; take a new one for each answer",
            code="form_key_taken",
            field="form_key",
        ) from None


def locked_conversation(session: Session, caller: Principal, conversation_id: int) -> Conversation:
    """The caller's conversation, held against other writers until the commit; NotFound."""
    found = get_owned(session, caller, Conversation, conversation_id)
    query = select(Conversation).where(Conversation.id == found.id)
    held = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if held is None:  # erased since
        raise NotFound(MISSING["conversation"], code="conversation_not_found")
    return held


def refuse_changed(talk: Conversation, revision: int) -> None:
    """Raise Conflict when somebody answered or decided since it was read."""
    if talk.revision == revision:
        return
    if talk.answered_at is None:
        raise Conflict(
            "Somebody changed this conversation meanwhile; look at it again", code="answered_meanwhile"
        )
    seconds = max(0, round((utc_now() - talk.answered_at).total_seconds()))
    raise Conflict(
        Text("{name} answered {seconds} s ago; look at it again", name=talk.answered_by, seconds=seconds),
        code="answered_meanwhile",
    )


def is_overdue(message: ChatMessage) -> bool:
    """Whether nobody heard what became of an answer for long."""
    return message.status == "sending" and utc_now() - message.at > OVERDUE


def _of_form(session: Session, talk: Conversation, form_key: str) -> ChatMessage | None:
    return session.scalar(
        select(ChatMessage).where(
            ChatMessage.bot_id == talk.bot_id,
            ChatMessage.form_key == form_key,
            ChatMessage.telegram_id == talk.telegram_id,
        )
    )


def _refuse_other_text(vault: Vault, known: ChatMessage, text: str) -> None:
    if opened_text(vault, known) != text:
        raise Conflict(
            "This form sent another text already; look at the conversation again", code="answered_meanwhile"
        )


def _refuse_unreachable(session: Session, talk: Conversation) -> None:
    bot = session.get_one(Bot, talk.bot_id)
    if not bot.keeps_messages:
        raise Conflict("The bot keeps no messages any more; turn that on first", code="messages_not_kept")
    lead = session.scalar(
        select(Lead).where(Lead.bot_id == talk.bot_id, Lead.telegram_id == talk.telegram_id)
    )
    if lead is None or present_state(lead, bot.identity) != ACTIVE:
        raise Conflict(
            "The bot cannot write to this person: they blocked it, or have not pressed Start at it",
            code="person_unreachable",
        )


def _written(
    vault: Vault, session: Session, talk: Conversation, wanted: NewAnswer, name: str, now: datetime
) -> ChatMessage:
    """The answer's row, and the conversation as one that was answered."""
    message = ChatMessage(
        bot_id=talk.bot_id,
        telegram_id=talk.telegram_id,
        direction="out",
        kind="text",
        sealed_text=sealed_text(vault, talk.bot_id, wanted.text),
        status="sending",
        by=name,
        form_key=wanted.form_key,
        at=now,
    )
    session.add(message)
    talk.unanswered_since = None
    talk.last_message_at = talk.answered_at = now
    talk.answered_by = name
    talk.revision += 1
    session.flush()
    return message
