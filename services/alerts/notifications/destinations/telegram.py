"""Telegram: one message per incident, changed in place, from the account's own bot, its stand-in, or the manager bot.

A message that shall be heard is sent anew, for a changed one makes no sound, and the former is taken away.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import update

from models import Bot, NotificationDestination
from plugins.texts import LONGEST_MESSAGE, units
from services.alerts.notifications.messages import Message, Receipt
from services.core.errors import NotDelivered, Rejected, TelegramError, TokenRejected
from services.core.i18n import NO_TEXT, Text
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.telegram.refusals import RefusalClass, refusal_class
from services.platform.tokens import token_of

logger = logging.getLogger(__name__)
TOTAL_SECONDS = 15.0
NOT_MODIFIED = "is not modified"
MANAGER = 0  # in place of a bot's id


def deliver(platform: Platform, destination: NotificationDestination, message: Message) -> Receipt:
    """Bring `message` to the chat. Raises NotDelivered; a chat that blocked all the bots it may come from is permanent."""
    text = _cut(message.text(utc_now()))
    if message.previous and not message.rings and _edited(platform, message.previous, text):
        return Receipt(message.previous)
    receipt = _sent(platform, destination, text)
    if message.previous:
        _take_away(platform, message.previous)
    return receipt


def _edited(platform: Platform, sent_as: str, text: str) -> bool:
    """Change the message; False where that is not possible any more. Raises NotDelivered where it may be later."""
    bot_id, chat_id, message_id = map(int, sent_as.split(":"))
    params = {"chat_id": chat_id, "message_id": message_id, "text": text, **_plain()}
    try:
        platform.telegram.call(
            _token(platform, bot_id), "editMessageText", params, total_timeout=TOTAL_SECONDS
        )
    except Rejected as error:
        return NOT_MODIFIED in error.message
    except TokenRejected:
        return False
    except TelegramError as error:
        raise _told(error) from None
    except NotDelivered:  # its bot is gone
        return False
    return True


def _take_away(platform: Platform, sent_as: str) -> None:
    """Delete the former message; one that stays is old news above the newer, and nothing is lost."""
    bot_id, chat_id, message_id = map(int, sent_as.split(":"))
    params = {"chat_id": chat_id, "message_id": message_id}
    try:
        platform.telegram.call(_token(platform, bot_id), "deleteMessage", params, total_timeout=TOTAL_SECONDS)
    except Rejected as error:
        if refusal_class(error, "deleteMessage") is RefusalClass.OUR_FAULT:
            logger.warning("a former notification stays: %s", error.message)
    except (TelegramError, NotDelivered) as error:
        logger.warning("a former notification stays: %s", type(error).__name__)


def _sent(platform: Platform, destination: NotificationDestination, text: str) -> Receipt:
    """Send by the first bot that can: a stand-in takes over where the bot, not Telegram as a whole, is at fault."""
    first = NotDelivered("The bot that sends here was deleted")
    senders = [destination.bot_id or MANAGER]
    if destination.reserve_bot_id and destination.reserve_linked:
        senders.append(destination.reserve_bot_id)
    for number, bot_id in enumerate(senders):
        try:
            sent_as = _sent_by(platform, destination, bot_id, text)
        except TelegramError as error:
            if not isinstance(error, TokenRejected | Rejected):
                raise _told(error) from None
            first = first if number else _told(error)
        except NotDelivered as error:
            first = first if number else error
        else:
            return Receipt(sent_as, _note(first) if number else NO_TEXT)
    raise first


def _note(failure: NotDelivered) -> Text:
    return Text("The stand-in writes, since the first bot cannot: {reason}", reason=failure.text)


def _sent_by(platform: Platform, destination: NotificationDestination, bot_id: int, text: str) -> str:
    """Send once, or twice where the group has moved; what the message is known as. Raises TelegramError, NotDelivered."""
    token, chat_id = _token(platform, bot_id), int(destination.address)
    try:
        sent = _send(platform, token, chat_id, text)
    except TelegramError as error:
        if error.migrate_to_chat_id is None:
            raise
        chat_id = error.migrate_to_chat_id
        _follow(platform, destination, chat_id)
        sent = _send(platform, token, chat_id, text)
    number = sent.get("message_id") if isinstance(sent, dict) else None
    return f"{bot_id}:{chat_id}:{number}" if isinstance(number, int) else ""


def _follow(platform: Platform, destination: NotificationDestination, chat_id: int) -> None:
    """The destination's group became a supergroup: keep its new id, unless another chat was linked meanwhile."""
    same = (
        NotificationDestination.id == destination.id,
        NotificationDestination.address == destination.address,
    )
    with platform.database.transaction() as session:
        session.execute(update(NotificationDestination).where(*same).values(address=str(chat_id)))


def _send(platform: Platform, token: str, chat_id: int, text: str) -> Any:
    params = {"chat_id": chat_id, "text": text, **_plain()}
    return platform.telegram.call(token, "sendMessage", params, total_timeout=TOTAL_SECONDS)


def _plain() -> dict[str, Any]:
    return {"link_preview_options": {"is_disabled": True}}


def _token(platform: Platform, bot_id: int) -> str:
    if bot_id == MANAGER:
        token = platform.settings.manager_bot_token.get_secret_value()
        if not token:
            raise NotDelivered("There is no manager bot any more: set MANAGER_BOT_TOKEN", permanent=True)
        return token
    with platform.database.reading() as session:
        bot = session.get(Bot, bot_id)
    if bot is None:
        raise NotDelivered("The bot that sends here was deleted", permanent=True)
    return token_of(platform, bot)


def _told(error: TelegramError) -> NotDelivered:
    # A 401 flaps and is confirmed by the health check; only what Telegram says of this chat is final.
    permanent = isinstance(error, Rejected) and error.code != "telegram_frozen"
    return NotDelivered(
        Text("Telegram: {reason}", reason=error.text), permanent=permanent, retry_after=error.retry_after
    )


def _cut(text: str) -> str:
    """What Telegram takes of `text`: many events at once are shown as far as one message reaches."""
    if units(text) <= LONGEST_MESSAGE:
        return text
    kept = text.encode("utf-16-le")[: 2 * (LONGEST_MESSAGE - 1)]
    return kept.decode("utf-16-le", errors="ignore") + "…"
