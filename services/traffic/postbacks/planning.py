"""Deliveries of postbacks, written in the transaction of the event that they tell of (ADR 65): none can be missed.

The flusher writes those of a batch of clicks and of starts at once, whoever records goals theirs: one look at the postbacks
of the accounts in question, and one INSERT where any of them wants to know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models import (
    Click,
    DeliveryStatus,
    Goal,
    Postback,
    PostbackDelivery,
    PostbackDriver,
    PostbackEvent,
    Start,
)
from services.core.times import utc_now
from services.platform.database import insert_of

CLICK_MAY_COME: Final = timedelta(seconds=15)  # how long a goal waits for the click that its start came with


@dataclass(frozen=True)
class Happened:
    """An event of an account. `pool_id` is that of its click."""

    event: PostbackEvent
    key: str  # within its kind
    account_id: int
    pool_id: int | None
    click_id: str | None
    goal: str = ""
    goal_id: int | None = None


def plan_clicks(session: Session, rows: Iterable[Any], accounts: dict[int, int]) -> None:
    """For new clicks (`ClickRow`s) that count; `accounts` are those of their pools."""
    if not accounts:
        return
    wanted = _wanted(session, set(accounts.values()), PostbackEvent.CLICK)
    if wanted:
        found = [
            Happened(PostbackEvent.CLICK, row.id, accounts[row.pool_id], row.pool_id, row.id)
            for row in rows
            if row.counted
        ]
        _write(session, wanted, found)


def plan_starts(session: Session, click_ids: Collection[str]) -> None:
    """For counted clicks that became starts."""
    columns = (Click.id, Click.account_id, Click.pool_id)
    found = [
        Happened(PostbackEvent.START, row.id, row.account_id, row.pool_id, row.id)
        for row in session.execute(select(*columns).where(Click.id.in_(click_ids), Click.counted))
    ]
    wanted = _wanted(session, {one.account_id for one in found}, PostbackEvent.START) if found else []
    if wanted:
        _write(session, wanted, found)


def plan_goals(session: Session, goals: Sequence[Goal]) -> None:
    """For new goals."""
    wanted = _wanted(session, {one.account_id for one in goals}, PostbackEvent.GOAL) if goals else []
    if wanted:
        waiting = _waiting_for_clicks(session, goals)
        _write(session, wanted, [_reached(one, is_known=one.lead_id not in waiting) for one in goals])


def _reached(goal: Goal, *, is_known: bool) -> Happened:
    """A goal; of what click it is may not be known yet."""
    pool_id, click_id = (goal.pool_id, goal.click_id) if is_known else (None, None)
    kind = PostbackEvent.GOAL
    return Happened(kind, str(goal.id), goal.account_id, pool_id, click_id, goal.goal, goal.id)


def _waiting_for_clicks(session: Session, goals: Sequence[Goal]) -> set[int]:
    """The leads among these who have just come with a click that is not stored yet, whatever they came with before."""
    leads = {goal.lead_id for goal in goals if goal.lead_id is not None}
    is_bound = exists().where(Click.id == Start.click_id, Click.lead_id.is_not(None))
    query = select(Start.lead_id).where(
        Start.lead_id.in_(leads),
        Start.at > utc_now() - CLICK_MAY_COME,
        Start.click_id.is_not(None),
        ~is_bound,
    )
    return set(session.scalars(query)) if leads else set()


def _wanted(session: Session, accounts: Collection[int], event: PostbackEvent) -> list[Postback]:
    """The postbacks of these accounts that tell of such events; lists in JSON are looked at here."""
    query = select(Postback).where(
        Postback.account_id.in_(accounts), Postback.is_enabled, Postback.driver != PostbackDriver.GOOGLE
    )
    return [row for row in session.scalars(query.order_by(Postback.id)) if event in row.events]


def _write(session: Session, postbacks: Sequence[Postback], found: Sequence[Happened]) -> None:
    now = utc_now()
    values = [
        _delivery(postback, one, now) for postback in postbacks for one in found if wants(postback, one)
    ]
    if values:
        session.execute(insert_of(session, PostbackDelivery).on_conflict_do_nothing(), values)


def wants(postback: Postback, one: Happened) -> bool:
    """Whether a postback that tells of such events tells of this one."""
    if one.account_id != postback.account_id:
        return False
    if one.event is PostbackEvent.GOAL and postback.goals and one.goal not in postback.goals:
        return False
    return not postback.pool_ids or one.pool_id in postback.pool_ids or _may_get_pool(one)


def _may_get_pool(one: Happened) -> bool:
    """A goal whose click has not come yet: whether its pool is wanted is asked again when it is sent."""
    return one.event is PostbackEvent.GOAL and one.click_id is None


def _delivery(postback: Postback, one: Happened, now: datetime) -> dict[str, Any]:
    waits = one.event is PostbackEvent.GOAL and one.click_id is None
    return {
        "postback_id": postback.id,
        "event": one.event,
        "event_id": f"{one.event}:{one.key}",
        "click_id": one.click_id,
        "goal_id": one.goal_id,
        "status": DeliveryStatus.PENDING,
        "attempts": 0,
        "next_attempt_at": now + CLICK_MAY_COME if waits else now,
        "created_at": now,
    }
