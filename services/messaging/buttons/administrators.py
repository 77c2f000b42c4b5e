"""Whether somebody administers a group, asked of Telegram: who hides as an administrator taps under their own id."""

from __future__ import annotations

from typing import Final

from models import Bot
from services.core.errors import Rejected, TokenRejected
from services.platform.platform import Platform
from services.platform.tokens import token_of

ADMINISTRATORS: Final = ("creator", "administrator")
TOTAL_SECONDS = 10.0  # a tap can be answered for longer


def is_administrator(platform: Platform, bot_id: int, chat_id: int, user_id: int) -> bool:
    """Whether `user_id` administers the group now. Raises the TelegramError family where Telegram cannot say, Unavailable."""
    with platform.database.reading() as session:
        bot = session.get(Bot, bot_id)
    if bot is None:
        return False
    asked = {"chat_id": chat_id, "user_id": user_id}
    try:
        member = platform.telegram.call(
            token_of(platform, bot), "getChatMember", asked, total_timeout=TOTAL_SECONDS
        )
    except (Rejected, TokenRejected):  # nobody of that group, or the bot itself is not in it any more
        return False
    return isinstance(member, dict) and member.get("status") in ADMINISTRATORS
