"""What the manager bot may do with the bots that it manages, and asking Telegram for their tokens."""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import select

from models import Bot, ManagedBot
from services.core.errors import Conflict, FlotillaError, Rejected, TokenRejected, Uncertain
from services.core.i18n import Text
from services.operations.manager.ensuring import manager_of
from services.platform.platform import Platform
from services.platform.telegram.outcomes import no_bot_api
from services.platform.tokens import REGISTER_SECONDS, TOKEN_FORM, identify, token_of

logger = logging.getLogger(__name__)
RIGHT: Final = "can_manage_bots"  # in getMe


def managing_bot(platform: Platform) -> Bot:
    """The manager bot, if it may manage others. Raises Conflict `no_manager_bot` or `cannot_manage_bots`."""
    if not may_manage(platform):
        refresh_rights(platform)  # whoever asks may have switched it on a moment ago
    bot = manager_of(platform)
    if bot is None:
        raise Conflict("There is no manager bot: set MANAGER_BOT_TOKEN", code="no_manager_bot")
    if not bot.capabilities.get(RIGHT):
        raise Conflict(
            Text(
                "@{username} may not make bots yet: open @BotFather's app, choose @{username} and switch on Bot Management Mode",
                username=bot.username,
            ),
            code="cannot_manage_bots",
        )
    return bot


def may_manage(platform: Platform) -> bool:
    """Whether there is a manager bot that may manage others, as far as was seen last."""
    bot = manager_of(platform)
    return bot is not None and bool(bot.capabilities.get(RIGHT))


def refresh_rights(platform: Platform) -> None:
    """See what getMe says of the manager bot now. Raises nothing: what was known stays."""
    bot = manager_of(platform)
    try:
        if bot is None:
            return
        seen = identify(platform, token_of(platform, bot))
    except FlotillaError as error:
        logger.info("the manager bot's rights were not seen: %s", type(error).__name__)
        return
    if seen.capabilities == bot.capabilities:
        return
    with platform.database.transaction() as session:
        row = session.get(Bot, bot.id, with_for_update=True)
        if row is not None and row.telegram_bot_id == seen.telegram_bot_id:
            row.capabilities = seen.capabilities


def managed_by(platform: Platform, manager: Bot, telegram_bot_id: int) -> ManagedBot | None:
    """What is known of a bot that this manager manages; None where it does not."""
    mine = ManagedBot.manager_telegram_id == manager.telegram_bot_id
    with platform.database.reading() as session:
        return session.scalar(select(ManagedBot).where(ManagedBot.telegram_bot_id == telegram_bot_id, mine))


def managed_token(platform: Platform, manager: Bot, telegram_bot_id: int) -> str:
    """The token that the bot has now. Raises Conflict `not_managed` or `manager_token_rejected`, or NeverSent, Uncertain …"""
    return _asked(platform, manager, "getManagedBotToken", telegram_bot_id)


def replaced_token(platform: Platform, manager: Bot, telegram_bot_id: int) -> str:
    """A new token for the bot; the one before is dead by then. Raises as `managed_token`; Uncertain may have done it."""
    return _asked(platform, manager, "replaceManagedBotToken", telegram_bot_id)


def not_managed() -> Conflict:
    """A bot whose token the manager bot cannot ask for."""
    return Conflict(
        "The manager bot does not manage this bot: make a new token at @BotFather, and paste it",
        code="not_managed",
    )


def _asked(platform: Platform, manager: Bot, method: str, telegram_bot_id: int) -> str:
    own, params = token_of(platform, manager), {"user_id": telegram_bot_id}
    try:
        token = platform.telegram.call(own, method, params, total_timeout=REGISTER_SECONDS)
    except TokenRejected:
        raise Conflict(
            "Telegram rejects the token of the manager bot: correct MANAGER_BOT_TOKEN",
            code="manager_token_rejected",
        ) from None
    except Rejected:
        raise not_managed() from None
    if not isinstance(token, str) or not TOKEN_FORM.fullmatch(token):
        raise Uncertain(no_bot_api(Text("it gives no token")))
    if token.partition(":")[0] != str(telegram_bot_id):
        raise Uncertain(no_bot_api(Text("it gives another bot's token")))
    return token
