"""What the chat asked for, approved or refused in the panel by somebody who is signed in to the same account."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from redis import RedisError
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from models import Bot, ChatRequest, ChatRequestState, TelegramLink
from plugins.effects import Priority
from plugins.manager import APPROVED
from services.core.errors import Conflict, NotFound, Unavailable
from services.core.i18n import Text, translate
from services.core.times import utc_now
from services.fleet.plugin_catalogue import MANAGER
from services.messaging.outbox.call_answers import continuation_to
from services.messaging.outbox.enqueue import enqueue_call
from services.operations.manager.ensuring import needed_manager
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
DELIVERED: Final = timedelta(minutes=15)  # from the approval to the deed: it comes by way of the chat


@dataclass(frozen=True)
class AskedInChat:
    """A request with whoever made it."""

    request: ChatRequest
    link: TelegramLink


def list_requests(platform: Platform, caller: Principal) -> list[AskedInChat]:
    """What waits for the caller's word, the oldest first."""
    waiting = _own(caller).where(ChatRequest.state == ChatRequestState.WAITING)
    with platform.database.reading() as session:
        rows = session.execute(waiting.order_by(ChatRequest.created_at))
        return [AskedInChat(request, link) for request, link in rows]


def approve(platform: Platform, caller: Principal, request_id: str) -> Text:
    """Have it done in the name of who asked, and the chat answered; what it is. An ended link ends it.

    The chat is told of the approval, and Telegram's answer to that brings the deed: both wait while Telegram is away, and
    a process that dies in between repeats what was not written down. One that dies right after the commit leaves the
    request to end unanswered. Raises NotFound for what is not there, not the caller's or over, Conflict `request_decided`
    the second time and `no_manager_bot`, and Unavailable when Redis is away: then it waits on.
    """
    with platform.database.transaction() as session:
        asked = _undecided(session, caller, request_id)
        bot = needed_manager(session)
        asked.request.state = ChatRequestState.APPROVED
        asked.request.expires_at = utc_now() + DELIVERED
        audit(session, caller, "chat_request_approved", command=f"/{asked.request.action}")
    words = asked.request.words
    try:
        _tell(platform, bot, asked, Text("✅ Approved in the panel: {words}", words=words), goes_on=True)
    except RedisError as error:
        _open_again(platform, asked)
        raise Unavailable("Redis does not answer", code="redis_unavailable") from error
    return words


def refuse(platform: Platform, caller: Principal, request_id: str) -> Text:
    """Let nothing come of it, and the chat be told; what it was. Raises NotFound and Conflict as `approve`."""
    with platform.database.transaction() as session:
        asked = _undecided(session, caller, request_id)
        bot = needed_manager(session)
        session.delete(asked.request)
        audit(session, caller, "chat_request_refused", command=f"/{asked.request.action}")
    words = asked.request.words
    try:
        _tell(platform, bot, asked, Text("❌ Refused in the panel: {words}", words=words))
    except RedisError:
        logger.warning("the chat was not told of a refusal")
    return words


def _undecided(session: Session, caller: Principal, request_id: str) -> AskedInChat:
    one = _own(caller).where(ChatRequest.id == request_id).with_for_update(of=ChatRequest)
    found = session.execute(one).one_or_none()
    if found is None:
        raise NotFound("Nothing waits here any more; ask in the chat again", code="request_not_found")
    if found[0].state != ChatRequestState.WAITING:
        raise Conflict("This was approved already", code="request_decided")
    return AskedInChat(*found)


def _own(caller: Principal) -> Select[ChatRequest, TelegramLink]:
    return (
        select(ChatRequest, TelegramLink)
        .join(TelegramLink, TelegramLink.id == ChatRequest.link_id)
        .where(ChatRequest.account_id == caller.account_id, ChatRequest.expires_at > utc_now())
    )


def _open_again(platform: Platform, asked: AskedInChat) -> None:
    with platform.database.transaction() as session:
        waits = {"state": ChatRequestState.WAITING}
        session.execute(update(ChatRequest).where(ChatRequest.id == asked.request.id).values(waits))


def _tell(platform: Platform, bot: Bot, asked: AskedInChat, text: Text, *, goes_on: bool = False) -> None:
    """Send the person a line; with `goes_on` the manager's plugin does the deed once it is sent. Raises RedisError."""
    request, person = asked.request, asked.link.telegram_id
    then = None
    if goes_on:
        note = {"request": request.id}
        then = continuation_to(MANAGER, APPROVED, note, person, asked.link.name, request.language)
    params = {"chat_id": person, "text": translate(text, request.language)}
    enqueue_call(platform, bot.id, "sendMessage", params, Priority.REPLY, then=then)
