"""The manager bot as MANAGER_BOT_TOKEN says: a bot like any, of the oldest administrator, with a menu of its commands."""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Account, Bot, BotPlugin, BotStatus
from services.core.encryption import sha256_hex
from services.core.errors import ConfigurationError, Conflict, FlotillaError, TokenRejected
from services.core.i18n import NO_TEXT, Text, translate
from services.core.times import utc_now
from services.fleet.bots.registry import add_bot, checked_mode, delete_bot, new_bot
from services.fleet.bots.signals import bot_changed
from services.fleet.plugin_catalogue import MANAGER
from services.operations.manager.account import MENU
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.tokens import Identity, checked_form, identify, owner_of, token_of

logger = logging.getLogger(__name__)
LANGUAGES: Final = {"": "en", "pt": "pt_BR"}  # Telegram's word for whom it is -> our catalogue
MENU_SECONDS: Final = 10.0
TAKEN: Final = Text("MANAGER_BOT_TOKEN is the token of a bot that is registered here")
NOT_YET: Final = Text("It is not set up yet: that takes a worker, Telegram's answer, and an administrator")


def ensure_manager(platform: Platform) -> None:
    """Make, change or delete the manager bot until it is what the settings say; raises nothing but RedisError.

    A token that Telegram refuses makes the bot all the same: its state then says why it does not work.
    """
    try:
        _ensure(platform, platform.settings.manager_bot_token.get_secret_value())
    except FlotillaError as error:
        logger.warning("the manager bot is not as MANAGER_BOT_TOKEN says: %s", error.message)
    except IntegrityError:
        logger.info("another process has just made the manager bot")


def manager_of(platform: Platform) -> Bot | None:
    """The manager bot; None where there is none."""
    with platform.database.reading() as session:
        return session.scalar(select(Bot).where(Bot.is_manager))


def needed_manager(session: Session) -> Bot:
    """The manager bot. Raises Conflict `no_manager_bot`."""
    bot = session.scalar(select(Bot).where(Bot.is_manager))
    if bot is None:
        raise Conflict("There is no manager bot: set MANAGER_BOT_TOKEN", code="no_manager_bot")
    return bot


def manager_trouble(platform: Platform) -> Text:
    """What is wrong with the manager bot that the settings want, without asking Telegram; empty when nothing is.

    Raises Unavailable.
    """
    token = platform.settings.manager_bot_token.get_secret_value()
    if not token:
        return NO_TEXT
    try:
        token = checked_form(token)
    except FlotillaError as error:
        return error.text
    bot = manager_of(platform)
    if bot is not None and _has(platform, bot, token):
        return bot.status_reason
    return TAKEN if _is_taken(platform, int(token.partition(":")[0])) else NOT_YET


def _ensure(platform: Platform, token: str) -> None:
    bot = manager_of(platform)
    if not token:
        if bot is not None:
            delete_bot(platform, _principal(bot.account_id), bot.id, check=lambda _bot: None)
        return
    token = checked_form(token)
    if bot is None:
        _add(platform, token)
    elif not _is_known(platform, bot, token):
        _change(platform, bot, token)
    elif bot.status != BotStatus.FAILED and bot.desired_running:
        _give_menu(platform, bot, token)


def _principal(account_id: int) -> Principal:
    return Principal(account_id, "system:manager")


def _identity(platform: Platform, token: str) -> Identity:
    """Whose token it is; of one that Telegram refuses, what stands in the token itself."""
    try:
        return identify(platform, token)
    except TokenRejected:
        return _stand_in(int(token.partition(":")[0]))


def _stand_in(telegram_bot_id: int) -> Identity:
    return Identity(telegram_bot_id, f"bot{telegram_bot_id}", "Manager", {})


def _is_known(platform: Platform, bot: Bot, token: str) -> bool:
    """Whether the bot has this token, and the name that Telegram knows it by."""
    if bot.username == _stand_in(bot.telegram_bot_id).username:
        return False
    return _has(platform, bot, token)


def _has(platform: Platform, bot: Bot, token: str) -> bool:
    try:
        return token_of(platform, bot) == token
    except ConfigurationError:  # sealed with a key that is no longer listed
        return False


def _is_taken(platform: Platform, telegram_bot_id: int) -> bool:
    query = select(Bot.id).where(Bot.telegram_bot_id == telegram_bot_id, ~Bot.is_manager)
    with platform.database.reading() as session:
        return session.scalar(query) is not None


def _add(platform: Platform, token: str) -> None:
    with platform.database.reading() as session:
        admins = select(Account.id).where(Account.is_admin, Account.is_active).order_by(Account.id)
        owner = session.scalar(admins.limit(1))
    if owner is None:
        return  # before the setup
    caller = _principal(owner)
    bot = new_bot(caller, _identity(platform, token), checked_mode(platform, None))
    bot.is_manager = True
    bot.plugins = [BotPlugin(position=0, name=MANAGER, config={})]
    add_bot(platform, caller, bot, token)


def _change(platform: Platform, bot: Bot, token: str) -> None:
    """Another token, or the name of one that Telegram did not take before. Raises Conflict where another bot has it."""
    identity = _identity(platform, token)
    if _is_taken(platform, identity.telegram_bot_id):
        raise Conflict(TAKEN, code="bot_exists")
    with platform.database.transaction() as session:
        row = session.get_one(Bot, bot.id, with_for_update=True)
        if row.username == identity.username and _has(platform, row, token):
            return  # refused still
        row.telegram_bot_id, row.username, row.name = (
            identity.telegram_bot_id,
            identity.username,
            identity.name,
        )
        row.capabilities, row.sealed_token = (
            identity.capabilities,
            platform.vault.seal(token, owner=owner_of(bot.id)),
        )
        row.status, row.status_reason, row.status_cause = BotStatus.CREATED, NO_TEXT, ""
        row.desired_running, row.running_since = True, utc_now()
        row.config_version += 1
        audit(session, _principal(row.account_id), "bot_token_replaced", bot_id=bot.id)
    bot_changed(platform, bot.id)


def _give_menu(platform: Platform, bot: Bot, token: str) -> None:
    """Set the menu of commands in each language, unless this bot has it already."""
    menus = {word: _menu(locale) for word, locale in LANGUAGES.items()}
    wanted = sha256_hex(json.dumps([bot.telegram_bot_id, menus]))
    if platform.redis.get(keys.manager_menu()) == wanted:
        return
    for word, menu in menus.items():
        params = {"commands": menu, "scope": {"type": "all_private_chats"}, "language_code": word}
        platform.telegram.call(token, "setMyCommands", params, total_timeout=MENU_SECONDS)
    platform.redis.set(keys.manager_menu(), wanted)


def _menu(locale: str) -> list[dict[str, Any]]:
    return [{"command": word, "description": translate(Text(MENU[word]), locale)} for word in MENU]
