"""Tokens: their form, their owner's name at Telegram, and opening the sealed ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from models import Bot
from services.core.errors import InvalidInput, TelegramError, Uncertain
from services.core.i18n import Text
from services.core.identifiers import is_telegram_id
from services.platform.platform import Platform
from services.platform.telegram.outcomes import no_bot_api

# Telegram's form. No id has ever had more than 16 digits (52 bits); 64-bit columns hold 18.
TOKEN_FORM = re.compile(r"[1-9][0-9]{0,17}:[A-Za-z0-9_-]{24,200}")
REGISTER_SECONDS = 10.0  # a person waits for it


@dataclass(frozen=True)
class Identity:
    """Who a token belongs to, as getMe tells."""

    telegram_bot_id: int
    username: str
    name: str
    capabilities: dict[str, bool]


def checked_form(token: str) -> str:
    """The token without blanks around it; InvalidInput `token_malformed` when it cannot be one."""
    token = token.strip()
    if not TOKEN_FORM.fullmatch(token):
        raise InvalidInput(
            "This is not a bot token; copy it whole from @BotFather (digits, a colon, letters)",
            code="token_malformed",
            field="token",
        )
    return token


def identify(platform: Platform, token: str) -> Identity:
    """Ask Telegram whose token this is; raises the TelegramError family with `field` "token"."""
    try:
        return _identity(platform.telegram.call(token, "getMe", total_timeout=REGISTER_SECONDS))
    except TelegramError as error:
        error.field = "token"
        raise


def token_of(platform: Platform, bot: Bot) -> str:
    """The bot's token, opened. Keep it out of everything that outlives the call."""
    return platform.vault.unseal(bot.sealed_token, owner=owner_of(bot.id))


def owner_of(bot_id: int) -> str:
    """The name a bot's token is sealed for."""
    return f"bot:{bot_id}"


def _identity(me: Any) -> Identity:
    if (
        not isinstance(me, dict)
        or not is_telegram_id(me.get("id"))
        or me["id"] < 0
        or not isinstance(me.get("username"), str)
    ):
        raise Uncertain(no_bot_api(Text("its getMe names no bot")))
    if me.get("is_bot") is not True:
        raise InvalidInput(
            "This token belongs to a person, not to a bot", code="token_not_a_bot", field="token"
        )
    flags = {key: value for key, value in me.items() if isinstance(value, bool) and key != "is_bot"}
    return Identity(me["id"], me["username"][:32], str(me.get("first_name", ""))[:64], flags)
