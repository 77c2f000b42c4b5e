"""What an update says of who is behind it, and of whose conversation it is."""

from __future__ import annotations

from typing import Any

from plugins.context import Context, Lead, Strategy
from services.platform.redis import keys


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


def conversation_key(ctx: Context) -> str:
    """The Redis key of the conversation that the update belongs to.

    Nobody's, and those who write as a chat and share one account of Telegram's, have none beyond their chat.
    """
    strategy, person = ctx.bot.strategy, ctx.lead.telegram_id
    writes_as_chat = getattr(ctx.event, "sender_chat", None) is not None
    everywhere = strategy is Strategy.GLOBAL_USER and person and not writes_as_chat
    return keys.conversation(
        ctx.bot.id, 0 if everywhere else ctx.chat_id, 0 if strategy is Strategy.CHAT else person
    )
