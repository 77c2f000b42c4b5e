"""Bots that visitors are being sent to, looked at between the sweeps: each click to a dead one is somebody's money.

Only a look: a bot that refuses its token is handed to `check_bot`, whose breaker decides; everything else is left to the
sweep. So this changes no state and needs no guard against outages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final

from redis.client import Pipeline
from sqlalchemy import select

from models import Bot
from services.fleet.health.breaker import Health
from services.fleet.health.checks import check_identity
from services.fleet.health.sweep import report_unauthorized
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, wake
from services.platform.redis.leases import Lease

BELL: Final = "clicked"
INTERVAL_SECONDS: Final = 5.0  # a dead bot is seen within this, the flush before it (1 s) and the check
REMEMBERED_SECONDS: Final = 60  # while nobody looks
MAX_BOTS: Final = 100  # per look, those with the most clicks first: at most 20 getMe a second
CONCURRENCY: Final = 16
TIMEOUT_SECONDS: Final = 4.0


def remember(pipe: Pipeline, bot_ids: Iterable[int]) -> None:
    """Note in the flusher's pipeline which bots people were sent to, one id per click."""
    clicks = Counter(bot_ids)
    for bot_id, count in clicks.items():
        pipe.hincrby(keys.clicked_bots(), str(bot_id), count)
    if clicks:
        pipe.expire(keys.clicked_bots(), REMEMBERED_SECONDS)


def wake_if_clicked(platform: Platform) -> bool:
    """Ring for a look when people were sent somewhere; True when a job was queued. Raises RedisError."""
    if not platform.redis.exists(keys.clicked_bots()):
        return False
    return wake(platform.redis, platform.job_redis, JobName.LOOK_AT_CLICKED, BELL)


def check_clicked_bots(platform: Platform) -> int:
    """Ask for each bot clicked since the last look whether its token still works; how many were asked.

    Returns after PATIENCE_SECONDS at the latest. Raises RedisError or Unavailable.
    """
    lease = Lease.take(platform.redis, BELL, ttl_seconds=2 * INTERVAL_SECONDS)
    if lease is None:
        return 0
    try:
        bots = _bots(platform, _take(platform))
        for bot_id in _refused(platform, bots):
            report_unauthorized(platform, bot_id)
        return len(bots)
    finally:
        platform.redis.delete(keys.wakeup(BELL, 0))
        lease.release()


def _take(platform: Platform) -> list[int]:
    """The busiest bots since the last look; they are forgotten with this."""
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.hgetall(keys.clicked_bots())
        pipe.delete(keys.clicked_bots())
        clicks: dict[str, Any] = pipe.execute()[0]
    busiest = sorted(clicks, key=lambda bot_id: int(clicks[bot_id]), reverse=True)
    return [int(bot_id) for bot_id in busiest[:MAX_BOTS]]


def _bots(platform: Platform, bot_ids: Sequence[int]) -> Sequence[Bot]:
    if not bot_ids:
        return []
    with platform.database.reading() as session:
        return session.scalars(select(Bot).where(Bot.id.in_(bot_ids))).all()


def _refused(platform: Platform, bots: Sequence[Bot]) -> list[int]:
    """Who of these is dead, as far as answers come in time."""
    if not bots:
        return []
    executor = ThreadPoolExecutor(min(len(bots), CONCURRENCY), thread_name_prefix="look")
    futures = {executor.submit(check_identity, platform, bot): bot.id for bot in bots}
    done, _ = wait(futures, timeout=TIMEOUT_SECONDS)
    executor.shutdown(wait=False, cancel_futures=True)
    return [futures[future] for future in done if future.result().verdict is Health.DEAD]
