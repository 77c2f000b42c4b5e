"""What is left of a deleted bot outside the database: its webhook and its keys."""

from __future__ import annotations

import logging

from models import Bot, BotMode
from services.core.errors import ConfigurationError, TelegramError
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.tokens import token_of

logger = logging.getLogger(__name__)
CALL_TIMEOUT_SECONDS = 5.0
SCAN_COUNT = 1000


def forget_at_telegram(platform: Platform, bot: Bot) -> None:
    """Remove the webhook if Telegram answers soon; a dead token or server does not keep a bot from being deleted."""
    if bot.mode != BotMode.WEBHOOK:
        return
    try:
        platform.telegram.call(token_of(platform, bot), "deleteWebhook", total_timeout=CALL_TIMEOUT_SECONDS)
    except (TelegramError, ConfigurationError) as error:
        logger.info("webhook of deleted bot %s not removed: %s", bot.id, error.code)


def forget_in_redis(platform: Platform, bot: Bot) -> None:
    """Close the bot's path, tell the processes, remove its state and queued messages; raises RedisError.

    Its updates in the lanes stay: each is dropped when its turn comes, because its bot is gone.
    """
    redis = platform.redis
    redis.hdel(keys.webhook_paths(), bot.path_id)
    redis.hdel(keys.reconciled(), str(bot.id))
    redis.hdel(keys.clicked_bots(), str(bot.id))
    announce(redis, Topic.BOT, bot.id)
    for pattern in keys.of_bot(bot.id):
        for key in redis.scan_iter(match=pattern, count=SCAN_COUNT):
            redis.unlink(key)
