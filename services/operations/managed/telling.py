"""Who is told of managed bots: by the notifications that stand, and in the manager's chat."""

from __future__ import annotations

import logging
from typing import Any, Final

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Account, Bot, ManagedBot, TelegramLink
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.i18n import Text, translate
from services.core.times import utc_now
from services.messaging.outbox.enqueue import enqueue_call
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
MAKE: Final = Text("➕ Make the bot")


def tell_admins(platform: Platform, row: ManagedBot) -> None:
    """Every administrator of a bot whose maker is nobody known here, once a day for each such person."""
    kind, params = Kind.MANAGED_BOT_WAITS, {"bot": row.username, "person": row.owner_name}
    with platform.database.transaction() as session:
        for account_id in session.scalars(select(Account.id).where(Account.is_admin)).all():
            key = f"{kind}:{row.owner_telegram_id}:{account_id}:{utc_now():%Y-%m-%d}"
            notify(session, account_id, kind, kind.level, key, params)


def tell_of_owner(session: Session, telegram_bot_id: int, person: str) -> None:
    """The account that has this bot, of another person who owns it at Telegram now."""
    bot = session.scalar(select(Bot).where(Bot.telegram_bot_id == telegram_bot_id))
    if bot is None:
        return
    kind, params = Kind.BOT_OWNER_CHANGED, {"bot": bot.username, "person": person}
    key = f"{kind}:{bot.id}:{utc_now():%Y-%m-%dT%H:%M:%S.%f}"
    notify(session, bot.account_id, kind, kind.level, key, params, bot_id=bot.id)


def added(username: str) -> Text:
    """What is said of a bot that was registered."""
    return Text("🤖 @{username} was added.", username=username)


def say_registered(platform: Platform, manager: Bot, row: ManagedBot) -> None:
    """In the chat of whoever made a bot: that it is registered now."""
    with platform.database.reading() as session:
        query = select(Account).join(TelegramLink, TelegramLink.account_id == Account.id)
        account = session.scalar(query.where(TelegramLink.telegram_id == row.owner_telegram_id))
    if account is not None:
        said = added(row.username)
        say_in_chat(platform, manager, row.owner_telegram_id, translate(said, account.language))


def say_in_chat(
    platform: Platform, manager: Bot, telegram_id: int, said: str, keyboard: dict[str, Any] | None = None
) -> None:
    """Have the manager bot write to a person, in the order and pace of its outbox."""
    message = {"chat_id": telegram_id, "text": said, "link_preview_options": {"is_disabled": True}}
    try:
        enqueue_call(
            platform, manager.id, "sendMessage", message | ({"reply_markup": keyboard} if keyboard else {})
        )
    except RedisError:
        logger.warning("a person was not told in the manager's chat: Redis does not answer")
