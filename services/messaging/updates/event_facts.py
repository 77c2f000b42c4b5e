"""What an update says of who is behind it, whether they wrote to the bot, and of whose conversation it is."""

from __future__ import annotations

from typing import Any, Final

from telebot import util

from plugins.address import SERVICE_ACCOUNTS
from plugins.context import Context, Lead, Strategy
from plugins.timers import TIMER_FIRED
from services.messaging.limits.acts import UNLIMITED
from services.messaging.limits.notices import CHECKS
from services.platform.redis import keys
from services.traffic.clicks.leads import TelegramUser

MESSAGES: Final = frozenset(("message", "edited_message", "guest_message"))
# Kinds in which somebody turns to the bot. In others a person is merely named: who joins, reacts, votes, or writes to a
# business account that the bot answers for.
TURNING: Final = MESSAGES | {
    "callback_query",
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
}
REPEATED: Final = frozenset(("callback_query", "inline_query", TIMER_FIRED, *CHECKS))
SERVICE_MESSAGES: Final = frozenset(util.content_type_service)


def person_of(event: Any) -> Any:
    """The person whom an event names as the one behind it, as the library's type; None for nobody."""
    return getattr(event, "from_user", None) or getattr(event, "user", None)


def lead_of(person: Any) -> Lead:
    """The person behind an update, as the library's type; one with the id 0 for nobody."""
    if person is None:
        return Lead(0)
    return Lead(
        telegram_id=person.id,
        first_name=getattr(person, "first_name", None) or "",
        last_name=getattr(person, "last_name", None) or "",
        username=getattr(person, "username", None) or "",
        language=getattr(person, "language_code", None) or "",
    )


def writer_of(ctx: Context) -> TelegramUser | None:
    """The person who turns to the bot with this update; None when it only names somebody.

    Telegram's own accounts, other bots, channels and what a group tells of its members (joins) are nobody who writes.
    """
    if ctx.kind not in TURNING or ctx.is_for_another_bot:
        return None
    person: Any = getattr(ctx.event, "from_user", None)
    if person is None or person.is_bot or person.id in SERVICE_ACCOUNTS:
        return None
    return None if ctx.kind in MESSAGES and _is_told_by_group(ctx.event) else person


def can_be_asked_again(ctx: Context) -> bool:
    """Whether it is enough to tell whoever is behind this update to try again: they wrote or tapped, or look at a sheet that
    says so. What has happened once for all, as a payment, a call's answer or a member who left, has to be handled. A timer is
    rung for again.
    """
    if ctx.kind in MESSAGES:
        return not any(getattr(ctx.event, name, None) is not None for name in UNLIMITED)
    return ctx.kind in REPEATED


def has_blocked(ctx: Context) -> bool | None:
    """Whether the person behind this update blocked the bot (True) or unblocked it (False); None for other updates."""
    if ctx.kind != "my_chat_member" or ctx.event.chat.type != "private":
        return None
    return bool(ctx.event.new_chat_member.status == "kicked")


def is_private(ctx: Context) -> bool:
    """Whether it came in the person's own chat with the bot, so that the bot can write to them. An inline query, a guest's message,
    a sheet of a payment or a tap in the chat of a business account (unless its message is so old that Telegram names no connection)
    may come from who has blocked the bot.
    """
    message = getattr(ctx.event, "message", None) or ctx.event  # that of a tapped button
    if ctx.kind == "guest_message" or getattr(message, "business_connection_id", None):
        return False
    return getattr(getattr(message, "chat", None), "id", 0) == ctx.lead.telegram_id


def conversation_key(ctx: Context) -> str:
    """The Redis key of the conversation that the update belongs to.

    Nobody's, and those who write as a chat and share one account of Telegram's, have none beyond their chat.
    """
    strategy, person = ctx.bot.strategy, ctx.lead.telegram_id
    writes_as_chat = getattr(ctx.event, "sender_chat", None) is not None
    everywhere = (
        strategy is Strategy.GLOBAL_USER
        and person
        and not writes_as_chat
        and ctx.acting_id not in SERVICE_ACCOUNTS  # a tap does not say as which chat
    )
    return keys.conversation(
        ctx.bot.id,
        0 if everywhere else ctx.former_chat_id or ctx.chat_id,
        0 if strategy is Strategy.CHAT else ctx.acting_id,
    )


def _is_told_by_group(message: Any) -> bool:
    """Whether it is a service message of a group, or written in the name of a chat."""
    if message.chat.type == "private":
        return False
    return message.sender_chat is not None or message.content_type in SERVICE_MESSAGES
