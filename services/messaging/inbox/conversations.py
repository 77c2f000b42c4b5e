"""Conversations as they are read: who waits, the longest first, and what was said in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, ChatMessage, Conversation, FlowRun, Lead
from plugins.flows.run import RunStatus
from services.core.answer_types import Moment
from services.core.encryption import Vault
from services.core.times import iso, utc_now
from services.messaging.inbox.answering import is_overdue
from services.messaging.inbox.texts import opened_text
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.traffic.clicks.leads import present_state

View = Literal["waiting", "all"]
SHOWN: Final = 100  # messages of a conversation, the latest
LONGEST_PREVIEW: Final = 200


class ConversationView(TypedDict):
    """A conversation. `unanswered_since` is null when nobody waits; `last_text` is the latest message's beginning."""

    id: int
    bot_id: int
    bot: str
    telegram_id: int
    name: str
    username: str
    state: str
    unanswered_since: Moment | None
    last_message_at: Moment
    last_text: str
    last_direction: str
    answered_at: Moment | None
    answered_by: str
    assigned_to: str
    taken_over_until: Moment | None
    revision: int


class MessageView(TypedDict):
    """A message. `status` of those out: sending, sent, failed, or unknown when nothing was heard for long."""

    id: int
    direction: str
    kind: str
    text: str
    status: str
    failure: str
    by: str
    at: Moment


class WholeConversation(ConversationView):
    """With its latest messages, the oldest of them first; `flow_rests` also when the flow itself handed the person over."""

    messages: list[MessageView]
    flow_rests: bool


def list_conversations(
    platform: Platform,
    caller: Principal,
    *,
    view: View = "waiting",
    assigned_to: str | None = None,
    bot_id: int | None = None,
    after: int = 0,
    limit: int = 50,
) -> tuple[list[ConversationView], str | None]:
    """At most `limit` of the caller's conversations behind the `after`-th, and the number to go on from: those who wait the
    longest first, or all by their latest message."""
    query = _joined().where(Conversation.account_id == caller.account_id)
    if view == "waiting":
        query = query.where(Conversation.unanswered_since.is_not(None))
        query = query.order_by(Conversation.unanswered_since, Conversation.id)
    else:
        query = query.order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
    if assigned_to is not None:
        query = query.where(Conversation.assigned_to == assigned_to)
    if bot_id is not None:
        query = query.where(Conversation.bot_id == bot_id)
    with platform.database.reading() as session:
        found = session.execute(query.offset(after).limit(limit + 1)).all()
        shown = [(row[0], row[1], row[2]) for row in found[:limit]]
        latest = _latest(session, [talk for talk, _, _ in shown])
    views = [_view(platform.vault, *row, latest.get(row[0].id)) for row in shown]
    return views, str(after + limit) if len(found) > limit else None


def count_waiting(platform: Platform, caller: Principal) -> int:
    """How many people wait for an answer."""
    query = select(func.count()).where(
        Conversation.account_id == caller.account_id, Conversation.unanswered_since.is_not(None)
    )
    with platform.database.reading() as session:
        return session.scalar(query) or 0


def get_conversation(platform: Platform, caller: Principal, conversation_id: int) -> WholeConversation:
    """One conversation with its latest messages; NotFound for somebody else's."""
    with looking(platform, caller) as session:
        identity = get_owned(session, caller, Conversation, conversation_id).id
        row = session.execute(_joined().where(Conversation.id == identity)).one()
        talk = row[0]
        query = select(ChatMessage).where(
            ChatMessage.bot_id == talk.bot_id, ChatMessage.telegram_id == talk.telegram_id
        )
        messages = session.scalars(query.order_by(ChatMessage.id.desc()).limit(SHOWN)).all()
        rests = _rests(session, talk)
    view = _view(platform.vault, talk, row[1], row[2], messages[0] if messages else None)
    told = [describe_message(platform.vault, each) for each in reversed(messages)]
    return {**view, "messages": told, "flow_rests": rests}


def _rests(session: Session, talk: Conversation) -> bool:
    query = select(FlowRun.status).where(
        FlowRun.bot_id == talk.bot_id, FlowRun.telegram_id == talk.telegram_id
    )
    return session.scalar(query) == RunStatus.PAUSED


def describe_message(vault: Vault, message: ChatMessage) -> MessageView:
    """The JSON of a message."""
    return {
        "id": message.id,
        "direction": message.direction,
        "kind": message.kind,
        "text": opened_text(vault, message),
        "status": "unknown" if is_overdue(message) else message.status,
        "failure": message.failure,
        "by": message.by,
        "at": iso(message.at),
    }


def _joined() -> Select[Conversation, Bot, Lead]:
    at = and_(Lead.bot_id == Conversation.bot_id, Lead.telegram_id == Conversation.telegram_id)
    query = select(Conversation, Bot, Lead).join(Bot, Bot.id == Conversation.bot_id)
    return query.outerjoin(Lead, at)


def _latest(session: Session, talks: Sequence[Conversation]) -> dict[int, ChatMessage]:
    """The latest message of each, by conversation."""
    if not talks:
        return {}
    people = [
        and_(ChatMessage.bot_id == talk.bot_id, ChatMessage.telegram_id == talk.telegram_id) for talk in talks
    ]
    newest = (
        select(func.max(ChatMessage.id))
        .where(or_(*people))
        .group_by(ChatMessage.bot_id, ChatMessage.telegram_id)
    )
    rows = session.scalars(select(ChatMessage).where(ChatMessage.id.in_(newest)))
    found = {(row.bot_id, row.telegram_id): row for row in rows}
    there = ((talk.id, found.get((talk.bot_id, talk.telegram_id))) for talk in talks)
    return {number: message for number, message in there if message is not None}


def _view(
    vault: Vault, talk: Conversation, bot: Bot, lead: Lead | None, latest: ChatMessage | None
) -> ConversationView:
    until = talk.taken_over_until
    return {
        "id": talk.id,
        "bot_id": bot.id,
        "bot": bot.username,
        "telegram_id": talk.telegram_id,
        "name": f"{lead.first_name} {lead.last_name}".strip() if lead else "",
        "username": lead.username if lead else "",
        "state": present_state(lead, bot.identity) if lead else "",
        "unanswered_since": iso(talk.unanswered_since),
        "last_message_at": iso(talk.last_message_at),
        "last_text": (opened_text(vault, latest) or latest.kind)[:LONGEST_PREVIEW] if latest else "",
        "last_direction": latest.direction if latest else "",
        "answered_at": iso(talk.answered_at),
        "answered_by": talk.answered_by,
        "assigned_to": talk.assigned_to,
        "taken_over_until": iso(until) if until and until > utc_now() else None,
        "revision": talk.revision,
    }
