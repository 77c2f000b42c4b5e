"""One bot, one look at Telegram: set or remove the webhook where needed, and write down what came of it."""

from __future__ import annotations

import logging
import time
from enum import StrEnum

from sqlalchemy import update

from models import Bot, BotMode, BotStatus
from services.bots.tokens import token_of
from services.bots.webhooks import Wanted, wanted_for
from services.errors import ConfigurationError, Rejected, TelegramError, TokenRejected, Uncertain
from services.platform import Platform
from services.redis import keys
from services.redis.changes import Topic, announce
from services.redis.jobs import JobName, enqueue
from services.times import utc_now

logger = logging.getLogger(__name__)
LOOK_SECONDS = 10.0  # for each of at most two calls
LONGEST_REASON = 300  # characters of the column


class Outcome(StrEnum):
    """DONE: as desired. LATER: try in the next round."""

    DONE = "done"
    LATER = "later"


def bring(platform: Platform, bot: Bot) -> Outcome:
    """Bring Telegram to what is desired of `bot` and note its status; raises no TelegramError."""
    try:
        outcome = _bring(platform, bot)
    except (TokenRejected, Rejected, ConfigurationError) as error:
        _note_trouble(platform, bot, BotStatus.FAILED, error.message)
        if isinstance(error, TokenRejected):
            enqueue(platform.job_redis, JobName.CHECK_BOT, bot.id)  # its pools learn of it at once
        return Outcome.LATER
    except TelegramError as error:
        logger.warning("bot %s: Telegram was not brought to its state: %s", bot.id, error.message)
        _note_trouble(platform, bot, None, f"{error.message}; it is tried again every minute")
        return Outcome.LATER
    if outcome is Outcome.DONE:
        _note_done(platform, bot)
    return outcome


def note(platform: Platform, bot: Bot, status: BotStatus | None, reason: str = "") -> None:
    """Write the bot's status and why, unless nothing changes or its owner changed it meanwhile. None keeps the status."""
    wanted = status or bot.status
    reason = reason[:LONGEST_REASON]
    if (bot.status, bot.status_reason) == (wanted, reason):
        return
    query = update(Bot).where(Bot.id == bot.id, Bot.config_version == bot.config_version)
    with platform.database.transaction() as session:
        session.execute(query.values(status=wanted, status_reason=reason, updated_at=utc_now()))
    bot.status, bot.status_reason = wanted, reason


def _bring(platform: Platform, bot: Bot) -> Outcome:
    token = token_of(platform, bot)
    wanted = wanted_for(bot, platform.settings.webhook_base_url, platform.vault)
    if bot.mode == BotMode.WEBHOOK and bot.desired_running and not wanted.url:
        raise ConfigurationError("This bot uses a webhook, but WEBHOOK_BASE_URL is not set; set it or poll")
    info = platform.telegram.call(token, "getWebhookInfo", total_timeout=LOOK_SECONDS)
    first = not bot.pending_dropped and bot.desired_running
    if not first and not wanted.differs_from(info if isinstance(info, dict) else {}):
        return Outcome.DONE
    if wanted.url and not _may_set(platform):
        return Outcome.LATER
    _change(platform, bot, token, wanted, first=first)
    return Outcome.DONE


def _change(platform: Platform, bot: Bot, token: str, wanted: Wanted, *, first: bool) -> None:
    """Set or remove the webhook. What waited before the very first time is dropped once, never again (B2)."""
    method = "setWebhook" if wanted.url else "deleteWebhook"
    params = wanted.params(drop_pending_updates=first) if wanted.url else {"drop_pending_updates": first}
    try:
        platform.telegram.call(token, method, params, total_timeout=LOOK_SECONDS)
    except Uncertain:
        # It may have dropped them; dropping again could lose what people wrote since.
        _remember_dropped(platform, bot, first=first)
        raise
    _remember_dropped(platform, bot, first=first)


def _remember_dropped(platform: Platform, bot: Bot, *, first: bool) -> None:
    if not first:
        return
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == bot.id).values(pending_dropped=True))
    bot.pending_dropped = True
    announce(platform.redis, Topic.BOT, bot.id)  # the poller waits for it


def epoch_minute() -> int:
    """The minute that budgets are counted in."""
    return int(time.time()) // 60


def _may_set(platform: Platform) -> bool:
    """Count this setWebhook against the minute's budget."""
    key = keys.webhooks_set(epoch_minute())
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.incr(key)
        pipe.expire(key, 120)
        count = int(pipe.execute()[0])
    return count <= platform.settings.webhooks_per_minute


def _note_done(platform: Platform, bot: Bot) -> None:
    if not bot.desired_running:
        note(platform, bot, BotStatus.STOPPED)
    elif bot.mode == BotMode.WEBHOOK:
        note(platform, bot, BotStatus.RUNNING)
    # How polling goes the poller tells.


def _note_trouble(platform: Platform, bot: Bot, status: BotStatus | None, reason: str) -> None:
    polled = bot.mode == BotMode.POLLING and bot.desired_running and bot.pending_dropped
    if not polled:  # else the poller meets the same trouble, and knows when it is over
        note(platform, bot, status, reason)
