"""Conversations, answers and runs for the tests of the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from models import Bot, Conversation, Flow, FlowRun
from plugins.flows.run import RunStatus
from services.core.times import utc_now
from services.messaging.inbox.conversations import list_conversations
from services.messaging.inbox.fields import NewAnswer
from services.messaging.inbox.incoming import IncomingMessage, keep_incoming
from services.messaging.outbox.outgoing import OutboxMessage
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys


def wrote(bot: Bot, update_id: int, text: str = "help", person: int = 5) -> IncomingMessage:
    waits = not text.startswith("/")
    return IncomingMessage(bot.id, person, "text", text, update_id, update_id, waits, utc_now())


def keep(platform: Platform, *messages: IncomingMessage) -> None:
    with platform.database.transaction() as session:
        keep_incoming(session, platform.vault, messages)


def only_talk(platform: Platform) -> Conversation:
    with platform.database.reading() as session:
        return session.scalars(select(Conversation)).one()


def new_answer(revision: int = 1, form_key: str = "form-0001", minutes: int = 30) -> NewAnswer:
    return NewAnswer(text="Here I am", form_key=form_key, revision=revision, take_over_minutes=minutes)


def outbox(platform: Platform, bot: Bot) -> int:
    return int(platform.redis.xlen(keys.outbox(bot.id, "reply")))


def sent(bot: Bot, call: dict[str, Any], **fields: Any) -> OutboxMessage:
    """A message that the outbox is done with."""
    message = OutboxMessage("1-0", bot.id, "5", 1, "r", "", keeps=True, **fields)
    message.__dict__["call"] = call
    return message


def listed(platform: Platform, owner: Principal, name: str) -> Sequence[int]:
    return [each["id"] for each in list_conversations(platform, owner, assigned_to=name)[0]]


def begin_flow(platform: Platform, bot: Bot) -> None:
    """Ana waits at a step of a flow."""
    now = utc_now()
    with platform.database.transaction() as session:
        flow = Flow(account_id=bot.account_id, key="sales", name="Sales", draft={}, draft_by="x")
        session.add(flow)
        session.flush()
        place = {"flow_id": flow.id, "version": 1, "step": "a", "status": RunStatus.WAITING}
        session.add(FlowRun(bot_id=bot.id, telegram_id=5, entered_at=now, started_at=now, **place))


def only_run(platform: Platform) -> FlowRun:
    with platform.database.reading() as session:
        return session.scalars(select(FlowRun)).one()
