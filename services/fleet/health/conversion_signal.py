"""Looking at conversion and delivery of all members, every few seconds: read, judge, write what changed.

Matured clicks are read once each, from where the last look ended: a look costs what a few seconds of traffic cost,
not a week. One process looks at a time; it writes in one transaction only where somebody's status or evidence changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, insert, or_, select
from sqlalchemy.orm import Session, joinedload

from models import Click, Conversion, PoolBot
from services.core.times import utc_now
from services.fleet.health.conversion import Evidence, Judgement, rule_of
from services.fleet.health.conversion_hours import learn
from services.fleet.health.conversion_pool import Case, Decision, Seen, decide
from services.fleet.health.delivery import deliveries, surroundings
from services.fleet.health.evaluation import Observations, apply_evaluation
from services.fleet.health.layers import OUT_OF_SERVICE, usual_in
from services.fleet.health.pool_health import counts
from services.fleet.health.sweep import last_report
from services.platform.platform import Platform
from services.platform.redis.leases import Lease

LEASE: Final = "conversion"
LEASE_SECONDS: Final = 60.0  # many times a look; a killed one is followed up after so long
OLDEST: Final = timedelta(hours=1)  # clicks that nobody judged for so long are let go


def evaluate_conversion(platform: Platform, *, now: datetime | None = None) -> bool:
    """Judge all members; False while another process does. Raises RedisError or Unavailable."""
    lease = Lease.take(platform.redis, LEASE, ttl_seconds=LEASE_SECONDS)
    if lease is None:
        return False
    try:
        now = now or utc_now()
        _add_rows(platform, now)
        learned = learn(platform, now)
        view = _view(platform, now)
        decisions = {} if view.hold else _decide(view, now)
        if lease.renew():
            apply_evaluation(platform, view, decisions, now, learned=learned)
    finally:
        lease.release()
    return True


def _add_rows(platform: Platform, now: datetime) -> None:
    """Every member has a row; a new one is judged from now on."""
    missing = select(PoolBot.id).where(~select(1).where(Conversion.pool_bot_id == PoolBot.id).exists())
    with platform.database.reading() as session:
        if session.scalar(missing.limit(1)) is None:
            return
    with platform.database.transaction() as session:
        values = [{"pool_bot_id": member_id, "judged_until": now} for member_id in session.scalars(missing)]
        if values:
            session.execute(insert(Conversion), values)


def _view(platform: Platform, now: datetime) -> Observations:
    around = surroundings(platform)
    outage = (last_report(platform) or {}).get("outage")
    with platform.database.reading() as session:
        members = session.scalars(
            select(PoolBot)
            .options(joinedload(PoolBot.bot), joinedload(PoolBot.pool))
            .order_by(PoolBot.pool_id, PoolBot.id)
        ).all()
        known = {row.pool_bot_id: row for row in session.scalars(select(Conversion))}
        # Who joined since rows were added, or just became another bot, is looked at next time.
        members = [member for member in members if member.id in known]
        bots = {member.bot_id: member.bot for member in members}
        judged = [member for member in members if _is_judged(member)]
        hold = around.is_late or outage is not None
        return Observations(
            members=members,
            known=known,
            delivery=deliveries(bots.values(), around, now),
            seen={} if hold else _seen(session, judged, known, now),
            hold=hold,
        )


def _is_judged(member: PoolBot) -> bool:
    """Whether its clicks can tell anything: it serves, and its pool's links carry the token that a start brings back."""
    return member.pool.tracking and member.status not in OUT_OF_SERVICE and counts(member)


def _seen(
    session: Session, members: Sequence[PoolBot], known: Mapping[int, Conversion], now: datetime
) -> dict[int, Seen]:
    if not members:
        return {}
    outcomes: dict[int, list[bool]] = defaultdict(list)
    for member_id, started in session.execute(_matured(members, known, now)):
        outcomes[member_id].append(bool(started))
    suspects = [member for member in members if known[member.id].verdict == Judgement.SUSPECT]
    starts = _starts(session, suspects, now) if suspects else {}
    return {
        member.id: Seen(outcomes.get(member.id, ()), starts.get(member.id, 0))
        for member in members
        if member.id in outcomes or member.id in starts
    }


def _matured(members: Sequence[PoolBot], known: Mapping[int, Conversion], now: datetime) -> Any:
    """Clicks that matured since the last look, in order: each member's own lag decides, and there are 19 lags at most."""
    oldest = max(now - OLDEST, min(known[member.id].judged_until for member in members))
    lags = {known[member.id].lag_seconds for member in members}
    ripe = [
        and_(Conversion.lag_seconds == lag, Click.at <= now - timedelta(seconds=lag)) for lag in sorted(lags)
    ]
    return (
        select(PoolBot.id, Click.started_at.is_not(None))
        .join(Conversion, Conversion.pool_bot_id == PoolBot.id)
        .join(Click, (Click.pool_id == PoolBot.pool_id) & (Click.bot_id == PoolBot.bot_id))
        .where(
            PoolBot.id.in_([member.id for member in members]),
            Click.counted,
            Click.at > oldest,  # a constant, so that an index bounds what is read
            Click.at > Conversion.judged_until,
            or_(PoolBot.slow_start_at.is_(None), Click.at > PoolBot.slow_start_at),
            or_(*ripe),
        )
        .order_by(Click.at, Click.id)
    )


def _starts(session: Session, suspects: Collection[PoolBot], now: datetime) -> dict[int, int]:
    """Starts since each suspicion, matured or not."""
    query = (
        select(PoolBot.id, func.count())
        .join(Conversion, Conversion.pool_bot_id == PoolBot.id)
        .join(Click, (Click.pool_id == PoolBot.pool_id) & (Click.bot_id == PoolBot.bot_id))
        .where(
            PoolBot.id.in_([member.id for member in suspects]),
            Click.counted,
            Click.at > now - timedelta(days=1),
            Click.started_at > Conversion.verdict_at,
        )
        .group_by(PoolBot.id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _decide(view: Observations, now: datetime) -> dict[int, Decision]:
    pools: dict[int, list[PoolBot]] = defaultdict(list)
    for member in view.members:
        pools[member.pool_id].append(member)
    return {
        pool_id: decide(
            [_case(member, view.known[member.id]) for member in members if counts(member)],
            view.seen,
            now,
            alarm=members[0].pool.conversion_alarm_at is not None,
        )
        for pool_id, members in pools.items()
    }


def _case(member: PoolBot, known: Conversion) -> Case:
    return Case(
        member_id=member.id,
        rule=rule_of(usual_in(known)),
        evidence=Evidence(known.run, known.score),
        verdict=Judgement(known.verdict),
        verdict_at=known.verdict_at,
        hold_seconds=known.hold_seconds,
        trial=known.trial,
        judged_until=known.judged_until,
        in_service=_is_judged(member),
    )
