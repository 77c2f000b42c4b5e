"""Bringing Telegram and the processes to the state in the database, whatever happened meanwhile.

A bot is looked at when its configuration changed, when the last look was five minutes ago, or when Redis was
emptied. setWebhook is called only where getWebhookInfo differs, at most `webhooks_per_minute` times. Looks at bots that did
not change leave evenly, at most five calls a second.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import Bot, BotMode, BotStatus
from services.core.encryption import sha256_hex
from services.fleet.bots.cleanup import forget_former
from services.fleet.bots.webhook_guard import CallPace, report_refused
from services.fleet.bots.webhook_sync import SyncOutcome, sync_webhook
from services.fleet.bots.webhooks import wanted_for
from services.platform.numbering import keep_ahead
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.leases import Lease

logger = logging.getLogger(__name__)
LEASE = "bots:reconcile"
LEASE_SECONDS = 90.0  # longer than a round
ROUND_SECONDS = 45.0  # the clock asks for a round a minute; what is left over comes first in the next one
LOOK_AGAIN_SECONDS = 300.0
TURN_SECONDS = 30.0  # longer than the two calls to Telegram of one bot
TURN_POLL_SECONDS = 0.1
PARALLEL = 16


def reconcile_bots(platform: Platform, *, look_again: float = LOOK_AGAIN_SECONDS) -> int:
    """One round by whoever holds the lease over all bots not looked at for `look_again` seconds; how many those were."""
    lease = Lease.take(platform.redis, LEASE, ttl_seconds=LEASE_SECONDS)
    if lease is None:
        return 0
    try:
        keep_ahead(platform)
        with platform.database.reading() as session:
            bots = list(session.scalars(select(Bot).options(selectinload(Bot.plugins))))
        rewrite_paths(platform, bots)
        return _look_at(platform, _due(platform, bots, look_again))
    finally:
        lease.release()


def reconcile_bot(platform: Platform, bot_id: int, pace: CallPace | None = None) -> None:
    """Bring one bot to its desired state at once, or at a round's `pace`; an unknown id is nothing to do."""
    with bot_lock(platform, bot_id) as ours:
        bot = _read(platform, bot_id) if ours else None
        if bot is not None:
            _reconcile(platform, bot, pace)


def rewrite_paths(platform: Platform, bots: Iterable[Bot]) -> None:
    """Make the hash of webhook paths equal to the database, without a moment in which a right path is missing."""
    redis = platform.redis
    right = {bot.path_id: str(bot.id) for bot in bots if has_open_path(bot)}
    known = _texts(redis.hgetall(keys.webhook_paths()))
    gone = known.keys() - right.keys()
    if gone:
        redis.hdel(keys.webhook_paths(), *gone)
        for bot_id in {int(known[path]) for path in gone}:
            announce(redis, Topic.BOT, bot_id)
    if right.items() - known.items():
        redis.hset(keys.webhook_paths(), items=[part for pair in right.items() for part in pair])


def has_open_path(bot: Bot) -> bool:
    """Whether the web processes shall accept updates for it. A stopped bot's stay at Telegram for 24 hours."""
    return bot.mode == BotMode.WEBHOOK and bot.desired_running


def _due(platform: Platform, bots: list[Bot], look_again: float) -> dict[int, bool]:
    """The ids of bots to look at, those first whose last look is oldest, and whether it is routine: it has its pace."""
    looks = _texts(platform.redis.hgetall(keys.reconciled()))
    last: dict[int, float] = {}
    routine: dict[int, bool] = {}
    for bot in bots:
        state, _, at = looks.get(str(bot.id), "").rpartition(":")
        is_same = state == _state(platform, bot)
        last[bot.id] = float(at) if is_same else 0.0
        routine[bot.id] = is_same or (not state and bot.status != BotStatus.CREATED)
    horizon = time.time() - look_again
    due = sorted((bot.id for bot in bots if last[bot.id] < horizon), key=lambda bot_id: last[bot_id])
    return {bot_id: routine[bot_id] for bot_id in due}


def _look_at(platform: Platform, due: Mapping[int, bool]) -> int:
    deadline, pace = time.monotonic() + ROUND_SECONDS, CallPace()

    def look(bot_id: int) -> bool:
        if time.monotonic() > deadline:
            return False
        reconcile_bot(platform, bot_id, pace if due[bot_id] else None)
        return True

    with ThreadPoolExecutor(PARALLEL) as threads:
        return sum(threads.map(look, due))


@contextmanager
def bot_lock(platform: Platform, bot_id: int) -> Iterator[bool]:
    """Two brings of one bot go one after the other and each reads the row first, so that the newer state stays.

    False when the other one does not end.
    """
    deadline = time.monotonic() + TURN_SECONDS
    while (lease := _turn_lease(platform, bot_id)) is None and time.monotonic() < deadline:
        time.sleep(TURN_POLL_SECONDS)
    try:
        yield lease is not None
    finally:
        if lease is not None:
            lease.release()


def _turn_lease(platform: Platform, bot_id: int) -> Lease | None:
    return Lease.take(platform.redis, f"{LEASE}:{bot_id}", ttl_seconds=TURN_SECONDS)


def _read(platform: Platform, bot_id: int) -> Bot | None:
    with platform.database.reading() as session:
        return session.get(Bot, bot_id, options=[selectinload(Bot.plugins)])


def _reconcile(platform: Platform, bot: Bot, pace: CallPace | None) -> None:
    redis = platform.redis
    forget_former(platform, bot)
    if has_open_path(bot):
        redis.hset(keys.webhook_paths(), bot.path_id, str(bot.id))  # before Telegram knows it
    outcome = sync_webhook(platform, bot, pace)
    report_refused(platform, bot, time.time())
    if not has_open_path(bot) and redis.hdel(keys.webhook_paths(), bot.path_id):
        announce(redis, Topic.BOT, bot.id)  # an update since the stop had it remembered again
    if outcome is SyncOutcome.DONE:
        redis.hset(keys.reconciled(), str(bot.id), f"{_state(platform, bot)}:{time.time():.0f}")
    else:
        redis.hdel(keys.reconciled(), str(bot.id))


def _texts(hash_: Mapping[bytes | str, bytes | str]) -> dict[str, str]:
    return {str(field): str(value) for field, value in hash_.items()}


def _state(platform: Platform, bot: Bot) -> str:
    """A short name of everything that decides what Telegram should know."""
    wanted = wanted_for(bot, platform.settings.webhook_base_url, platform.vault)
    api = platform.settings.telegram_api_url
    return sha256_hex(f"{bot.config_version}|{bot.mode}|{bot.desired_running}|{api}|{wanted}")[:16]
