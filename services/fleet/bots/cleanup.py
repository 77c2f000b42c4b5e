"""What is left of a deleted bot outside the database: its webhook and its keys."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from models import Bot, BotMode
from services.core.errors import ConfigurationError, TelegramError
from services.fleet.workers.redis_access import lock_out
from services.platform.platform import Platform
from services.platform.redis import keys, work_keys
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
    lock_out(redis, bot.public_id)
    redis.delete(keys.served_identity(bot.id), *work_keys.streams(bot.public_id))
    redis.hdel(work_keys.programs(), str(bot.id))
    _unlink(platform, keys.of_bot(bot.id))


def is_former_forgotten(platform: Platform, bot: Bot) -> bool:
    """Whether `forget_former` has nothing left to do; raises RedisError."""
    return bot.identity == 1 or int(platform.redis.get(keys.served_identity(bot.id)) or 1) >= bot.identity


def forget_former(platform: Platform, bot: Bot) -> None:
    """Remove, once per identity, what Redis keeps of the bot's former ones; raises RedisError.

    Conversations hold numbers of messages in chats that the new identity does not have, and update ids begin anew. What
    waits in the outbox stays: its sender says of each message why it cannot go.
    """
    if is_former_forgotten(platform, bot):
        return
    _unlink(platform, keys.of_bot(bot.id)[:1])
    platform.redis.delete(work_keys.incoming(bot.public_id))
    platform.redis.set(keys.served_identity(bot.id), bot.identity)
    announce(platform.redis, Topic.BOT, bot.id)  # it may be polled now


def forget_work(platform: Platform, bot: Bot) -> None:
    """Lock the bot's worker out of Redis and drop what waits for it, with all that its queue keeps; raises RedisError."""
    lock_out(platform.redis, bot.public_id)
    platform.redis.delete(*work_keys.streams(bot.public_id))
    platform.redis.hdel(work_keys.programs(), str(bot.id))
    _unlink(platform, [work_keys.of_bot(bot.id)])


def leave_webhook(platform: Platform, bot_id: int, token: str) -> None:
    """Have a bot that we no longer serve call nobody, if Telegram answers soon and still takes its token."""
    try:
        platform.telegram.call(token, "deleteWebhook", total_timeout=CALL_TIMEOUT_SECONDS)
    except TelegramError as error:
        logger.info("webhook of the former identity of bot %s not removed: %s", bot_id, error.code)


def _unlink(platform: Platform, patterns: Iterable[str]) -> None:
    redis = platform.redis
    for pattern in patterns:
        for key in redis.scan_iter(match=pattern, count=SCAN_COUNT):
            redis.unlink(key)
