"""What a look at conversion and delivery leads to: evidence, verdicts, statuses and alerts, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from models import Bot, Conversion, PoolBot, RedirectPool
from services.fleet.health.alerts import Change, alert_changes, alert_traffic
from services.fleet.health.conversion import Judgement
from services.fleet.health.conversion_hours import probe_shares
from services.fleet.health.conversion_pool import Case, Decision, Seen
from services.fleet.health.delivery import Delivery
from services.fleet.health.layers import effective_status, move
from services.fleet.health.members import Applied, lock_pools
from services.fleet.health.pool_health import counts, refresh_pool_health
from services.fleet.health.sweep import publish_changes
from services.platform.platform import Platform

QUIET_SECONDS: Final = 300  # so often the place of a member without clicks moves on, to keep looks short
LOOKED_SECONDS: Final = 60  # how often an unchanged delivery layer is stamped


@dataclass(frozen=True)
class Observations:
    """What a look begins with: members with their rows, bots with their delivery, what was seen of the clicks.

    With `hold` (we are behind, or Telegram is away) clicks prove nothing and no verdict is given.
    """

    members: Sequence[PoolBot]
    known: Mapping[int, Conversion]
    delivery: Mapping[int, Delivery]
    seen: Mapping[int, Seen]
    hold: bool


def apply_evaluation(
    platform: Platform, view: Observations, decisions: Mapping[int, Decision], now: datetime, *, learned: bool
) -> None:
    """Write what changed, tell the owners, publish. `learned` renews the trickle of those under a verdict."""
    cases = {case.member_id: case for decision in decisions.values() for case in decision.cases}
    rows = [row for member in view.members if (row := _row(view, member, cases.get(member.id), now))]
    alarms = {
        pool_id: decision.alarm
        for pool_id, decision in decisions.items()
        if decision.alarm is not (_pools(view)[pool_id].conversion_alarm_at is not None)
    }
    moving = [member for member in view.members if _moves(view, member, cases.get(member.id))]
    delivery = _delivery_changes(view, now)
    renewed = [
        member for member in view.members if learned and member.id in cases and cases[member.id].is_out
    ]
    if not (rows or alarms or moving or delivery or renewed):
        return
    with platform.database.transaction() as session:
        pool_ids = {member.pool_id for member in [*moving, *renewed]} | alarms.keys()
        lock_pools(session, pool_ids)
        _update_present(session, Conversion.pool_bot_id, rows)
        _update_present(session, Bot.id, delivery)
        changes = _move_all(session, view, [member.id for member in moving], cases, now)
        _renew_trickles(session, view, {member.pool_id for member in [*moving, *renewed]}, now)
        health = refresh_pool_health(session, pool_ids)
        alert_changes(session, changes, health)
        _raise_alarms(session, alarms, now)
    publish_changes(platform, Applied(tuple(changes), frozenset(pool_ids)))


def _update_present(
    session: Session, key: InstrumentedAttribute[int], rows: Sequence[dict[str, Any]]
) -> None:
    """Write rows by their primary key. Who was deleted since the look is left out: the others' rows are still true."""
    if not rows:
        return
    ids = [row[key.key] for row in rows]
    # No key is changed: inserts that point to these rows go on, and cannot wait for us while we wait for them.
    locked = select(key).where(key.in_(ids)).order_by(key).with_for_update(key_share=True)
    present = set(session.scalars(locked))
    kept = [row for row in rows if row[key.key] in present]
    if kept:
        session.execute(update(key.class_), kept)


def _pools(view: Observations) -> dict[int, RedirectPool]:
    return {member.pool_id: member.pool for member in view.members}


def _row(view: Observations, member: PoolBot, case: Case | None, now: datetime) -> dict[str, Any] | None:
    """The columns of a member's evidence where they are others than before."""
    known = view.known[member.id]
    if not member.pool.tracking:  # its clicks carry no token: none of them is evidence, now or later
        return {"pool_bot_id": member.id, "judged_until": now}
    if case is None:
        return None
    until = case.judged_until
    ripe = now - timedelta(seconds=known.lag_seconds)
    quiet = ripe - known.judged_until > timedelta(seconds=QUIET_SECONDS)
    if until == known.judged_until and (member.id in view.seen or quiet):
        until = max(known.judged_until, ripe)
    fresh = {
        "judged_until": until,
        "run": case.evidence.run,
        "score": case.evidence.score,
        "verdict": str(case.verdict),
        "verdict_at": case.verdict_at,
        "hold_seconds": case.hold_seconds,
        "trial": case.trial,
    }
    changed = any(getattr(known, name) != value for name, value in fresh.items())
    return {"pool_bot_id": member.id, **fresh} if changed else None


def _verdict(view: Observations, member: PoolBot, case: Case | None) -> Judgement:
    return case.verdict if case else Judgement(view.known[member.id].verdict)


def _moves(view: Observations, member: PoolBot, case: Case | None) -> bool:
    to = effective_status(member, _verdict(view, member, case), view.delivery.get(member.bot_id))
    return (to.status, to.cause) != (member.status, member.status_cause)


def _move_all(
    session: Session,
    view: Observations,
    member_ids: Collection[int],
    cases: Mapping[int, Case],
    now: datetime,
) -> list[Change]:
    """The rows are read anew under their lock: a sweep may have moved them meanwhile, and identity goes first.

    A bot that is another one since the look is not moved: what was seen is about the former.
    """
    identities = {member.id: member.bot.identity for member in view.members}
    members = session.scalars(
        select(PoolBot)
        .where(PoolBot.id.in_(member_ids))
        .options(joinedload(PoolBot.bot), joinedload(PoolBot.pool))
        .order_by(PoolBot.pool_id, PoolBot.bot_id)
        .with_for_update(of=PoolBot)
    ).all()
    changes = []
    for member in members:
        if member.bot.identity != identities[member.id]:
            continue
        verdict = _verdict(view, member, cases.get(member.id))
        to = effective_status(member, verdict, view.delivery.get(member.bot_id))
        changes += move(session, member, to, now)
    return changes


def _delivery_changes(view: Observations, now: datetime) -> list[dict[str, Any]]:
    bots = {member.bot_id: member.bot for member in view.members}
    return [
        {
            "id": bot_id,
            "delivery_state": str(found.state),
            "delivery_cause": str(found.cause),
            "delivery_checked_at": now,
            "updated_at": bots[bot_id].updated_at,
        }
        for bot_id, found in view.delivery.items()
        if _is_stale(bots[bot_id], found, now)
    ]


def _is_stale(bot: Bot, found: Delivery, now: datetime) -> bool:
    at = bot.delivery_checked_at
    same = (bot.delivery_state, bot.delivery_cause) == (found.state, found.cause)
    return not same or at is None or now - at > timedelta(seconds=LOOKED_SECONDS)


def _renew_trickles(session: Session, view: Observations, pool_ids: Iterable[int], now: datetime) -> None:
    """What suspects keep of their traffic, so that each gets a click a minute at the pool's present traffic."""
    pools = {
        pool_id: [view.known[one.id] for one in view.members if one.pool_id == pool_id and counts(one)]
        for pool_id in pool_ids
    }
    for member_id, part in probe_shares(session, pools, now).items() if pools else ():
        session.execute(
            update(Conversion)
            .where(Conversion.pool_bot_id == member_id)
            .values(trickle=part)
            .execution_options(synchronize_session=False)
        )


def _raise_alarms(session: Session, alarms: Mapping[int, bool], now: datetime) -> None:
    for pool_id, alarm in sorted(alarms.items()):
        pool = session.get_one(RedirectPool, pool_id)
        since = pool.conversion_alarm_at or now
        session.execute(
            update(RedirectPool)
            .where(RedirectPool.id == pool_id)
            .values(conversion_alarm_at=now if alarm else None, updated_at=RedirectPool.updated_at)
            .execution_options(synchronize_session=False)
        )
        alert_traffic(session, pool, since, over=not alarm)
