"""A new token for a bot whose token was revoked: everything else of the bot stays."""

from __future__ import annotations

import logging

from redis import RedisError

from models import Bot, BotStatus
from services.core.errors import InvalidInput
from services.core.i18n import NO_TEXT, Text
from services.core.times import utc_now
from services.fleet.bots.declaration import refuse_manager
from services.fleet.bots.registry import get_bot, locked
from services.fleet.bots.signals import bot_changed
from services.fleet.health.readmission import probe_again
from services.fleet.pools.snapshot import publish
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.platform.tokens import checked_form, identify, owner_of

logger = logging.getLogger(__name__)


def replace_token(platform: Platform, caller: Principal, bot_id: int | str, token: str) -> Bot:
    """Swap the bot's token, after Telegram has said that it is this bot's; its lost members are probed at once.

    Raises NotFound, InvalidInput `token_malformed` or `token_of_another_bot`, or the TelegramError family; then nothing is changed.
    """
    bot = get_bot(platform, caller, bot_id)
    refuse_manager(bot)
    token = checked_form(token)
    identity = identify(platform, token)
    if identity.telegram_bot_id != bot.telegram_bot_id:
        raise InvalidInput(
            Text("This is the token of @{other}; add that one as a bot of its own", other=identity.username),
            code="token_of_another_bot",
            field="token",
        )
    with platform.database.transaction() as session:
        pool_ids = probe_again(session, bot.id, utc_now())
        bot = locked(session, caller, bot.id)
        bot.sealed_token = platform.vault.seal(token, owner=owner_of(bot.id))
        bot.username, bot.capabilities = identity.username, identity.capabilities
        bot.status, bot.status_reason, bot.status_cause = BotStatus.CREATED, NO_TEXT, ""
        bot.config_version += 1
        audit(session, caller, "bot_token_replaced", account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, bot.id)
    try:
        publish(platform, pool_ids)
        enqueue(platform.job_redis, JobName.CHECK_BOT, bot.id)
    except RedisError:
        logger.warning("the next sweep will check the new token", extra={"bot_id": bot.id})
    return bot
