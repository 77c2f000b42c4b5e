"""Telegram: a message from the account's own bot, or from the manager bot, to one chat."""

from __future__ import annotations

from sqlalchemy import update

from models import Bot, NotificationDestination
from plugins.texts import LONGEST_MESSAGE, units
from services.alerts.notifications.messages import Message
from services.core.errors import NotDelivered, Rejected, TelegramError
from services.core.i18n import Text
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.tokens import token_of

TOTAL_SECONDS = 15.0


def deliver(platform: Platform, destination: NotificationDestination, message: Message) -> None:
    """Send `message` to the chat. Raises NotDelivered; a chat that blocked the bot or is gone is permanent."""
    token = _token(platform, destination)
    text = _cut(message.text(utc_now()))
    try:
        _send(platform, token, int(destination.address), text)
    except TelegramError as error:
        if error.migrate_to_chat_id is None:
            raise _told(error) from None
        _follow(platform, destination, error.migrate_to_chat_id)
        try:
            _send(platform, token, error.migrate_to_chat_id, text)
        except TelegramError as second:
            raise _told(second) from None


def _follow(platform: Platform, destination: NotificationDestination, chat_id: int) -> None:
    """The destination's group became a supergroup: keep its new id, unless another chat was linked meanwhile."""
    same = (
        NotificationDestination.id == destination.id,
        NotificationDestination.address == destination.address,
    )
    with platform.database.transaction() as session:
        session.execute(update(NotificationDestination).where(*same).values(address=str(chat_id)))


def _send(platform: Platform, token: str, chat_id: int, text: str) -> None:
    params = {"chat_id": chat_id, "text": text, "link_preview_options": {"is_disabled": True}}
    platform.telegram.call(token, "sendMessage", params, total_timeout=TOTAL_SECONDS)


def _token(platform: Platform, destination: NotificationDestination) -> str:
    if destination.bot_id is None:
        token = platform.settings.manager_bot_token.get_secret_value()
        if not token:
            raise NotDelivered("There is no manager bot any more: set MANAGER_BOT_TOKEN", permanent=True)
        return token
    with platform.database.reading() as session:
        bot = session.get(Bot, destination.bot_id)
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
