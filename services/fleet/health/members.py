"""Check outcomes become rows: the breaker's columns, transitions, last failures, caches, alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from typing_extensions import TypedDict

from models import Bot, MemberStatus, PoolBot, PoolBotTransition, RedirectPool
from services.core.answer_types import Moment, Sentence
from services.core.times import iso
from services.fleet.health.alerts import Change, alert_changes
from services.fleet.health.breaker import BreakerState, CheckOutcome, Health, is_due, step
from services.fleet.health.gaps import LEAST, note_gap
from services.fleet.health.pool_health import refresh_pool_health
from services.fleet.health.wave import follow_waves

FAILURES_KEPT = 10
DETAIL_LENGTH = 300  # characters as stored


@dataclass(frozen=True)
class Applied:
    """What a round changed: transitions made, pools to publish, bots whose username is new."""

    changes: tuple[Change, ...] = ()
    pool_ids: frozenset[int] = frozenset()
    renamed: frozenset[int] = frozenset()


def apply_outcomes(
    session: Session,
    outcomes: Mapping[int, CheckOutcome],
    now: datetime,
    *,
    hold: bool = False,
    silence: timedelta = LEAST,
) -> Applied:
    """Bring each bot's outcome to all its members, in the caller's transaction.

    With `hold` failures leave every state as it is; `silence` is what may pass between checks. Pools are locked first, then members, as the flusher does.
    """
    lock_pools(session, select(PoolBot.pool_id).where(PoolBot.bot_id.in_(outcomes)))
    members = session.scalars(
        select(PoolBot)
        .where(PoolBot.bot_id.in_(outcomes))
        .options(joinedload(PoolBot.bot), joinedload(PoolBot.pool))
        .order_by(PoolBot.pool_id, PoolBot.bot_id)
        .with_for_update(of=PoolBot)
    ).all()
    members = [member for member in members if _is_about(outcomes[member.bot_id], member.bot)]
    changes = []
    for member in members:
        outcome = outcomes[member.bot_id]
        if not (hold and outcome.verdict in (Health.DEAD, Health.TRANSIENT)):
            note_gap(session, member, now, silence)
            changes += _apply(session, member, outcome, now)
    renamed = {member.bot_id for member in members if _rename(member.bot, outcomes[member.bot_id])}
    if changes:
        health = refresh_pool_health(session, {change.member.pool_id for change in changes})
        follow_waves(session, changes, health, now)
        alert_changes(session, changes, health)
    touched = {change.member.pool_id for change in changes}
    touched |= {member.pool_id for member in members if member.bot_id in renamed}
    return Applied(tuple(changes), frozenset(touched), frozenset(renamed))


def state_of(member: PoolBot) -> BreakerState:
    """The breaker's view of a row."""
    values: dict[str, Any] = {field.name: getattr(member, field.name) for field in fields(BreakerState)}
    return BreakerState(**{**values, "status": MemberStatus(member.status)})


def write_state(session: Session, member: PoolBot, state: BreakerState, cause: str, now: datetime) -> bool:
    """Put `state` into the row and, when the status is another, add the transition; True when it is."""
    before = member.status
    for field in fields(BreakerState):
        setattr(member, field.name, getattr(state, field.name))
    member.status = str(state.status)
    if before == member.status:
        return False
    session.add(
        PoolBotTransition(
            pool_bot_id=member.id, from_status=before, to_status=member.status, cause=cause, at=now
        )
    )
    return True


def lock_pools(session: Session, pool_ids: Any) -> None:
    """Lock pools (ids, or a query for them) before their members, in one order, as everybody does."""
    session.execute(
        select(RedirectPool.id)
        .where(RedirectPool.id.in_(pool_ids))
        .order_by(RedirectPool.id)
        .with_for_update(key_share=True)
    )


def _apply(session: Session, member: PoolBot, outcome: CheckOutcome, now: datetime) -> list[Change]:
    before = state_of(member)
    if not is_due(before, now):
        return []
    member.last_health_check, member.check_ms = now, outcome.ms
    if outcome.verdict in (Health.DEAD, Health.TRANSIENT):
        _remember(member, outcome, now)
    result = step(before, outcome, now)
    if write_state(session, member, result.state, result.cause, now):
        return [Change(member, before.status, result.state.status, result.cause, now)]
    return []


class FailureView(TypedDict):
    """A failed check, as it is kept and shown."""

    at: Moment
    cause: str
    detail: Sentence


def _remember(member: PoolBot, outcome: CheckOutcome, now: datetime) -> None:
    failure: FailureView = {
        "at": iso(now),
        "cause": str(outcome.cause),
        "detail": outcome.detail.fitting(DETAIL_LENGTH),
    }
    member.last_failures = [failure, *member.last_failures][:FAILURES_KEPT]


def _is_about(outcome: CheckOutcome, bot: Bot) -> bool:
    """Whether the identity that was asked is still the bot's: another may have taken over while the answer was on its way."""
    return outcome.asked in (0, bot.telegram_bot_id)


def _rename(bot: Bot, outcome: CheckOutcome) -> bool:
    """Keep the row equal to what Telegram says; True when the username changed (links must follow)."""
    if outcome.verdict is not Health.GOOD:
        return False
    bot.name = outcome.name or bot.name
    if outcome.username == bot.username:
        return False
    bot.username = outcome.username
    bot.config_version += 1
    return True
