"""Looking after all bots: one check per bot, whatever pools it is in.

The network is asked first, in parallel, and only then one short transaction writes what was found. A member that must
be looked at again within seconds is waited for here, for at most `LINGER_SECONDS`: no further schedule is needed, and
when this process dies the next sweep finds the member due.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from redis import RedisError
from sqlalchemy import func, or_, select

from models import Bot, PoolBot
from services.core.metrics import BREAKER_TRANSITIONS, SWEEP_SECONDS
from services.core.times import utc_now
from services.fleet.health.breaker import CheckOutcome, Health
from services.fleet.health.checks import api_host_answers, check_identity, timed_out
from services.fleet.health.durations import record_durations
from services.fleet.health.gaps import longest_silence
from services.fleet.health.members import Applied, apply_outcomes
from services.fleet.health.outage import Outage, follow_outage
from services.fleet.health.outage_guard import is_outage
from services.fleet.health.wave import end_waves
from services.fleet.pools.snapshot import publish
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.jobs import JobName, enqueue, wake
from services.platform.redis.leases import Lease

logger = logging.getLogger(__name__)
CONCURRENCY = 64  # getMe calls in flight, as many as the client keeps connections; 20 silent bots of 100 cost one time-out
JITTER_SECONDS = 0.25  # so that a hundred calls do not leave in the same millisecond
LEASE_SECONDS = 20.0
RECHECK_WAIT_SECONDS = 10.0
ROUNDS = 3  # the sweep itself, a re-check after 3 s, and the second good probe that ends a hold

Clock = Callable[[], datetime]
Wait = Callable[[float], None]


@dataclass(frozen=True)
class Round:
    """What one round of checks found."""

    outcomes: Mapping[int, CheckOutcome]
    held: bool
    applied: Applied


def sweep(platform: Platform, *, clock: Clock = utc_now, pause: Wait = time.sleep) -> bool:
    """Check every bot that is due, and those in doubt once more; False while another sweep is running.

    Raises RedisError or Unavailable when Redis or the database is away.
    """
    lease = Lease.take(platform.redis, "sweep", ttl_seconds=LEASE_SECONDS)
    if lease is None:
        return False
    try:
        began, timer = clock(), time.monotonic()
        bots = _due_bots(platform, began, None)
        found = _round(platform, bots, clock, jitter=JITTER_SECONDS)
        _finish(platform, found, began, time.monotonic() - timer)
        end_waves(platform, clock())
        lease.renew()
        until = began + timedelta(
            seconds=min(RECHECK_WAIT_SECONDS, platform.settings.health_interval_seconds)
        )
        _look_again(platform, [bot.id for bot in bots], began, until, clock, pause)
    finally:
        lease.release()
    return True


def check_bot(platform: Platform, bot_id: int, *, clock: Clock = utc_now, pause: Wait = time.sleep) -> None:
    """Check one bot now: a new member, or one whose token a sender saw refused. A hold is respected."""
    began = clock()
    _round(platform, _due_bots(platform, began, [bot_id]), clock)
    _look_again(platform, [bot_id], began, began + timedelta(seconds=RECHECK_WAIT_SECONDS), clock, pause)


def report_unauthorized(platform: Platform, bot_id: int) -> None:
    """A sender met a 401: have the bot checked at once, at most every ten seconds. Never raises for a missing Redis."""
    try:
        wake(platform.redis, platform.job_redis, JobName.CHECK_BOT, "check", bot_id)
    except RedisError:
        logger.warning(
            "could not ask for a health check; the next sweep will make it", extra={"bot_id": bot_id}
        )


def last_sweep_age(platform: Platform) -> float | None:
    """Seconds since the end of the last sweep, or None when there was none: the dead-man's switch."""
    report = last_report(platform)
    return max(0.0, utc_now().timestamp() - float(report["at"])) if report else None


def last_report(platform: Platform) -> dict[str, Any] | None:
    """The report of the last sweep: `at` (epoch seconds), `bots`, `good`, `dead`, `transient`, `held`, `seconds`, `outage`."""
    kept = platform.redis.get(keys.sweep_report())
    return dict(json.loads(str(kept))) if kept else None


def _finish(platform: Platform, found: Round, began: datetime, seconds: float) -> None:
    SWEEP_SECONDS.observe(seconds)
    before = (last_report(platform) or {}).get("outage")
    outage = follow_outage(platform, before, found.outcomes, held=found.held, at=began.timestamp())
    _report(platform, found, outage, seconds)


def _due_bots(platform: Platform, now: datetime, only: Collection[int] | None) -> Sequence[Bot]:
    due = or_(PoolBot.next_check_at.is_(None), PoolBot.next_check_at <= now)
    members = select(PoolBot.bot_id).where(due)
    if only is not None:
        members = members.where(PoolBot.bot_id.in_(only))
    with platform.database.reading() as session:
        return session.scalars(select(Bot).where(Bot.id.in_(members)).order_by(Bot.id)).all()


def _round(platform: Platform, bots: Sequence[Bot], clock: Clock, jitter: float = 0.0) -> Round:
    outcomes = _check_all(platform, bots, jitter)
    held = is_outage(outcomes.values(), lambda: api_host_answers(platform))
    if not outcomes:
        return Round(outcomes, held, Applied())
    with platform.database.transaction() as session:
        silence = longest_silence(platform.settings)
        applied = apply_outcomes(session, outcomes, clock(), hold=held, silence=silence)
        record_durations(session, outcomes, clock())
    publish_changes(platform, applied)
    return Round(outcomes, held, applied)


def _check_all(platform: Platform, bots: Sequence[Bot], jitter: float) -> dict[int, CheckOutcome]:
    """Outcomes by bot id; who has no answer when all time is up counts as timed out."""
    if not bots:
        return {}

    def check(bot: Bot) -> CheckOutcome:
        if jitter:
            time.sleep(random.uniform(0, jitter))
        return check_identity(platform, bot)

    waves = -(-len(bots) // CONCURRENCY)
    patience = waves * (platform.settings.health_timeout_seconds + jitter) + 1.0
    executor = ThreadPoolExecutor(min(len(bots), CONCURRENCY), thread_name_prefix="check")
    futures = {bot.id: executor.submit(check, bot) for bot in bots}
    done, _ = wait(futures.values(), timeout=patience)
    executor.shutdown(wait=False, cancel_futures=True)
    return {bot_id: future.result() if future in done else timed_out() for bot_id, future in futures.items()}


def _look_again(
    platform: Platform, bot_ids: Collection[int], since: datetime, until: datetime, clock: Clock, pause: Wait
) -> None:
    """Further rounds for what came into doubt after `since`; held failures are left to the next sweep."""
    for _ in range(ROUNDS - 1):
        due = _next_due(platform, bot_ids, since)
        if due is None or due >= until:
            return
        pause(max(0.0, (due - clock()).total_seconds()))
        since = max(due, clock())
        _round(platform, _due_bots(platform, since, bot_ids), clock)


def _next_due(platform: Platform, bot_ids: Collection[int], since: datetime) -> datetime | None:
    """When the first of these must be looked at again; those due every sweep have no such time."""
    with platform.database.reading() as session:
        return session.scalar(
            select(func.min(PoolBot.next_check_at)).where(
                PoolBot.bot_id.in_(bot_ids), PoolBot.next_check_at > since
            )
        )


def publish_changes(platform: Platform, applied: Applied) -> None:
    """After the commit: counters, the snapshot for every process, links of renamed bots. What fails here the tickers repair."""
    for change in applied.changes:
        BREAKER_TRANSITIONS.labels(change.before, change.after).inc()
        bot, pool_id = change.member.bot, change.member.pool_id
        logger.info(
            "@%s in pool %d: %s -> %s (%s)",
            bot.username,
            pool_id,
            change.before,
            change.after,
            change.cause,
            extra={"bot_id": bot.id, "pool_id": pool_id},
        )
    try:
        if applied.pool_ids:
            publish(platform, applied.pool_ids)
        for bot_id in applied.renamed:
            announce(platform.redis, Topic.BOT, bot_id)
        # A bot lost or regained here is running or failed elsewhere too: its own status follows at once.
        for bot_id in {
            change.member.bot_id for change in applied.changes if change.is_loss or change.is_return
        }:
            enqueue(platform.job_redis, JobName.RECONCILE_BOT, bot_id)
    except RedisError:
        logger.warning("changes of health could not be published; the reconciler will")


def _report(platform: Platform, found: Round, outage: Outage | None, seconds: float) -> None:
    verdicts = [outcome.verdict for outcome in found.outcomes.values()]
    report = {
        "at": time.time(),
        "bots": len(verdicts),
        **{str(verdict): verdicts.count(verdict) for verdict in Health},
        "held": found.held,
        "seconds": round(seconds, 3),
        "outage": outage,
    }
    platform.redis.set(keys.sweep_report(), json.dumps(report))
