"""One bot, one look at Telegram: set or remove the webhook where needed, and write down what came of it."""

from __future__ import annotations

import logging
import time
from enum import StrEnum
from typing import Any

from sqlalchemy import update

from models import Bot, BotMode, BotStatus
from services.core.errors import ConfigurationError, Rejected, TelegramError, TokenRejected, Uncertain
from services.core.i18n import NO_TEXT, Text
from services.fleet.bots.status import write_status
from services.fleet.bots.webhook_guard import CallPace, left_to, may_repair, note_theft
from services.fleet.bots.webhook_inspection import delivery_trouble, facts_of, taken_by
from services.fleet.bots.webhooks import Wanted, wanted_for
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.jobs import JobName, enqueue
from services.platform.telegram.refusals import rejection_cause
from services.platform.tokens import token_of

logger = logging.getLogger(__name__)
CALL_TIMEOUT_SECONDS = 10.0  # for each of at most two calls


class SyncOutcome(StrEnum):
    """DONE: as desired. LATER: try in the next round."""

    DONE = "done"
    LATER = "later"


def sync_webhook(platform: Platform, bot: Bot, pace: CallPace | None = None) -> SyncOutcome:
    """Bring Telegram to what is desired of `bot` and note its status, each call at its `pace`; raises no TelegramError."""
    try:
        return _bring(platform, bot, pace)
    except TokenRejected as error:
        return _rejected(platform, bot, error)
    except (Rejected, ConfigurationError) as error:
        cause = rejection_cause(error) if isinstance(error, Rejected) else ""
        _note_trouble(platform, bot, BotStatus.FAILED, error.text, cause)
    except TelegramError as error:
        logger.warning("bot %s: Telegram was not brought to its state: %s", bot.id, error.message)
        _note_trouble(
            platform, bot, None, Text("{trouble}; it is tried again every minute", trouble=error.text)
        )
    return SyncOutcome.LATER


def _bring(platform: Platform, bot: Bot, pace: CallPace | None) -> SyncOutcome:
    token = token_of(platform, bot)
    wanted = wanted_for(bot, platform.settings.webhook_base_url, platform.vault)
    if bot.mode == BotMode.WEBHOOK and bot.desired_running and not wanted.url:
        raise ConfigurationError("This bot uses a webhook, but WEBHOOK_BASE_URL is not set; set it or poll")
    if pace is not None:
        pace.wait()
    info = platform.telegram.call(token, "getWebhookInfo", total_timeout=CALL_TIMEOUT_SECONDS)
    info = info if isinstance(info, dict) else {}
    first = not bot.pending_dropped and bot.desired_running
    host, now = taken_by(bot, info), time.time()
    is_theft = bool(host) and bot.desired_running and not first  # a stopped bot's owner may use it elsewhere
    repairs = first or not host or (is_theft and may_repair(platform, bot, now))
    if repairs and (first or wanted.differs_from(info)):
        if wanted.url and not _may_set(platform):
            return SyncOutcome.LATER
        if pace is not None:
            pace.wait()
        _change(platform, bot, token, wanted, first=first)
    is_told = is_theft and note_theft(platform, bot, host, now, repaired=repairs)
    _note_done(platform, bot, info, left_to(host) if is_theft and not repairs else NO_TEXT)
    _keep_facts(platform, bot, facts_of(info, host if is_told else "", now))
    return SyncOutcome.DONE


def _change(platform: Platform, bot: Bot, token: str, wanted: Wanted, *, first: bool) -> None:
    """Set or remove the webhook. What waited before the very first time is dropped once, never again."""
    method = "setWebhook" if wanted.url else "deleteWebhook"
    params = wanted.params(drop_pending_updates=first) if wanted.url else {"drop_pending_updates": first}
    try:
        platform.telegram.call(token, method, params, total_timeout=CALL_TIMEOUT_SECONDS)
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


def _keep_facts(platform: Platform, bot: Bot, facts: dict[str, Any]) -> None:
    """For the delivery layer of health; no change of the bot itself, so `updated_at` stays."""
    with platform.database.transaction() as session:
        query = update(Bot).where(Bot.id == bot.id)
        session.execute(query.values(webhook_info=facts, updated_at=Bot.updated_at))


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


def _note_done(platform: Platform, bot: Bot, info: dict[str, Any], trouble: Text) -> None:
    if not bot.desired_running:
        write_status(platform, bot, BotStatus.STOPPED)
    elif bot.mode == BotMode.WEBHOOK:
        write_status(platform, bot, BotStatus.RUNNING, trouble or delivery_trouble(info, time.time()))
    # How polling goes the poller tells.


def _rejected(platform: Platform, bot: Bot, error: TokenRejected) -> SyncOutcome:
    if not bot.desired_running:  # nothing can be delivered with a dead token: as stopped as can be
        write_status(platform, bot, BotStatus.STOPPED)
        return SyncOutcome.DONE
    if bot.status != BotStatus.FAILED:
        enqueue(platform.job_redis, JobName.CHECK_BOT, bot.id)  # its pools learn of it at once
    _note_trouble(platform, bot, BotStatus.FAILED, error.text, rejection_cause(error))
    return SyncOutcome.LATER


def _note_trouble(
    platform: Platform, bot: Bot, status: BotStatus | None, reason: Text, cause: str = ""
) -> None:
    polled = bot.mode == BotMode.POLLING and bot.desired_running and bot.pending_dropped
    if not polled:  # else the poller meets the same trouble, and knows when it is over
        write_status(platform, bot, status, reason, cause)
