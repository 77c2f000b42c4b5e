"""REST API of the inbox: conversations, answers, decisions; and which bots keep messages."""

from __future__ import annotations

from flask import Blueprint
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, listing
from blueprints.api.operation import Created, operation
from services.core.answer_types import Listing
from services.messaging.inbox import answering, deciding
from services.messaging.inbox.conversations import (
    ConversationView,
    MessageView,
    View,
    WholeConversation,
    describe_message,
    get_conversation,
    list_conversations,
)
from services.messaging.inbox.fields import Assignment, Keeping, NewAnswer, Takeover
from services.platform.accounts.principal import Scope
from web.access import api, caller
from web.platform import platform

blueprint = Blueprint("conversations", __name__, url_prefix="/conversations")
bot_blueprint = Blueprint("bot_messages", __name__, url_prefix="/bots/<bot_id>/messages")
ONE = "/<int:conversation_id>"


class ConversationsQuery(BaseModel):
    """Which conversations."""

    view: View = Field("waiting", description="those who wait the longest first, or all, the latest first")
    assigned_to: str | None = Field(None, max_length=100, description="empty: nobody's")
    bot_id: int | None = Field(None, ge=1, lt=2**63)
    cursor: int = Field(0, ge=0, le=1_000_000, description="`next` of the page before")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


class KeepingView(TypedDict):
    """Whether a bot keeps messages, and for how many days."""

    keeps_messages: bool
    days: int


@blueprint.get("")
@api(Scope.READ)
@operation()
def index(query: ConversationsQuery) -> Listing[ConversationView]:
    """The conversations of the caller's bots that keep messages."""
    found, following = list_conversations(
        platform(),
        caller(),
        view=query.view,
        assigned_to=query.assigned_to,
        bot_id=query.bot_id,
        after=query.cursor,
        limit=query.limit,
    )
    return listing(found, following)


@blueprint.get(ONE)
@api(Scope.READ)
@operation()
def show(conversation_id: int) -> WholeConversation:
    """One conversation with its latest hundred messages."""
    return get_conversation(platform(), caller(), conversation_id)


@blueprint.post(f"{ONE}/answers")
@api(Scope.WRITE)
@operation(errors=(409,))
def answer(conversation_id: int, body: NewAnswer) -> Created[MessageView]:
    """Answer the person. Refused when somebody else answered since the conversation was read."""
    made = answering.answer(platform(), caller(), conversation_id, body)
    return Created(describe_message(platform().vault, made))


@blueprint.put(f"{ONE}/assignment")
@api(Scope.WRITE)
@operation(errors=(409,))
def assign(conversation_id: int, body: Assignment) -> WholeConversation:
    """Give it to somebody by name."""
    deciding.assign(platform(), caller(), conversation_id, body)
    return get_conversation(platform(), caller(), conversation_id)


@blueprint.put(f"{ONE}/takeover")
@api(Scope.WRITE)
@operation()
def take_over(conversation_id: int, body: Takeover) -> WholeConversation:
    """Have the person's flow rest for so many minutes, from now."""
    deciding.take_over(platform(), caller(), conversation_id, body.minutes)
    return get_conversation(platform(), caller(), conversation_id)


@blueprint.delete(f"{ONE}/takeover")
@api(Scope.WRITE)
@operation()
def release(conversation_id: int) -> None:
    """Leave the person to their flow again."""
    deciding.release(platform(), caller(), conversation_id)


@blueprint.post(f"{ONE}/done")
@api(Scope.WRITE)
@operation()
def done(conversation_id: int) -> WholeConversation:
    """Nobody waits any more, though nobody answered."""
    deciding.mark_done(platform(), caller(), conversation_id)
    return get_conversation(platform(), caller(), conversation_id)


@bot_blueprint.put("")
@api(Scope.WRITE)
@operation()
def keep(bot_id: str, body: Keeping) -> KeepingView:
    """Have a bot keep messages for the inbox from now on, or no more. What is kept stays until its time."""
    bot = deciding.keep_messages(platform(), caller(), bot_id, body.keeps_messages)
    return {"keeps_messages": bot.keeps_messages, "days": platform().settings.messages_retention_days}
