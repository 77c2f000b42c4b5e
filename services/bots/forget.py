"""What is left of a deleted bot outside the database: its webhook and its keys."""

from __future__ import annotations

import logging

from models import Bot, BotMode
from services.bots.tokens import token_of
from services.errors import ConfigurationError, TelegramError
from services.platform import Platform
from services.redis import keys
from services.redis.changes import Topic, announce

logger = logging.getLogger(__name__)
GOODBYE_SECONDS = 5.0
SCAN_COUNT = 1000


def forget_at_telegram(platform: Platform, bot: Bot) -> None:
    """Remove the webhook if Telegram answers soon; a dead token or server does not keep a bot from being deleted."""
    if bot.mode != BotMode.WEBHOOK:
        return
    try:
        platform.telegram.call(token_of(platform, bot), "deleteWebhook", total_timeout=GOODBYE_SECONDS)
    except (TelegramError, ConfigurationError) as error:
        logger.info("webhook of deleted bot %s not removed: %s", bot.id, error.code)


def forget_in_redis(platform: Platform, bot: Bot) -> None:
    """Remove the bot's path, state and queued messages, and tell the processes; raises RedisError."""
    redis = platform.redis
    redis.hdel(keys.webhook_paths(), bot.path_id)
    redis.hdel(keys.reconciled(), str(bot.id))
    announce(redis, Topic.BOT, bot.id)
    for pattern in keys.of_bot(bot.id):
        for key in redis.scan_iter(match=pattern, count=SCAN_COUNT):
            redis.unlink(key)
