"""Goals that people reach, each once, with the click that is its person's last touch at that time (ADR 65)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Click, Goal, GoalSource, Lead
from services.core.metrics import GOALS
from services.platform.database import among, insert_of
from services.traffic.goals.touch import same_touch, touch_before, touch_of
from services.traffic.postbacks.planning import plan_goals

LONGEST_EVENT: Final = 100  # characters of an event id
Person = tuple[int, int]  # a bot, somebody's id at Telegram


@dataclass(frozen=True)
class GoalReached:
    """A goal that was reached. `event_id` names it within the account: a second one of the same id adds nothing.

    Who it was is said by bot and Telegram id; by `click_id`, where a program names the click itself.
    """

    account_id: int
    goal: str
    event_id: str
    source: GoalSource
    at: datetime
    bot_id: int | None = None
    telegram_id: int | None = None
    click_id: str | None = None
    amount_micros: int | None = None
    currency: str = ""
    takes_back: str = ""  # of a refund: the event id of what it takes back, whose click it is taken from


def record_goals(session: Session, reached: Sequence[GoalReached]) -> list[Goal]:
    """Note goals in the caller's transaction; those that were new.

    A lead is locked until the commit: a start that binds its click at the same moment gives it to these goals, or is seen
    here (`touch.give_touches`).
    """
    if not reached:
        return []
    leads = _leads(session, reached)
    clicks = _clicks(session, reached, leads)
    paid = _taken_back(session, reached)
    values = [_row(session, one, leads, clicks) | paid.get(one.event_id, {}) for one in _once(reached)]
    statement = insert_of(session, Goal).on_conflict_do_nothing(index_elements=["account_id", "event_id"])
    new_ids = session.scalars(statement.returning(Goal.id), values).all()
    new = list(session.scalars(select(Goal).where(Goal.id.in_(new_ids)).order_by(Goal.id))) if new_ids else []
    for goal in new:
        GOALS.labels(goal.source).inc()
    plan_goals(session, new)
    return new


def _once(reached: Sequence[GoalReached]) -> list[GoalReached]:
    """Each event once, in one order, so that two writers never wait for each other crosswise."""
    found: dict[tuple[int, str], GoalReached] = {}
    for one in reached:
        found.setdefault((one.account_id, one.event_id), one)
    return [found[key] for key in sorted(found)]


def _leads(session: Session, reached: Sequence[GoalReached]) -> Mapping[Person, Lead]:
    people = sorted({(one.bot_id, one.telegram_id) for one in reached if one.bot_id and one.telegram_id})
    if not people:
        return {}
    query = select(Lead).where(among(session, (Lead.bot_id, Lead.telegram_id), people))
    query = query.order_by(Lead.bot_id, Lead.telegram_id).with_for_update()
    rows = session.scalars(query.execution_options(populate_existing=True))
    return {(row.bot_id, row.telegram_id): row for row in rows}


def _clicks(
    session: Session, reached: Sequence[GoalReached], leads: Mapping[Person, Lead]
) -> Mapping[str, Click]:
    wanted = {one.click_id for one in reached if one.click_id}
    wanted |= {lead.last_click_id for lead in leads.values() if lead.last_click_id}
    if not wanted:
        return {}
    return {click.id: click for click in session.scalars(select(Click).where(Click.id.in_(wanted)))}


def _taken_back(session: Session, reached: Sequence[GoalReached]) -> Mapping[str, dict[str, Any]]:
    """The touches of what refunds take back, by the refund's event id; such a touch stands, whatever start comes later."""
    found: dict[str, dict[str, Any]] = {}
    for one in reached:
        paid = select(Goal).where(Goal.account_id == one.account_id, Goal.event_id == one.takes_back)
        goal = session.scalars(paid).first() if one.takes_back else None
        if goal is not None:
            found[one.event_id] = {**same_touch(goal), "touched_at": one.at}
    return found


def _row(
    session: Session, one: GoalReached, leads: Mapping[Person, Lead], clicks: Mapping[str, Click]
) -> dict[str, Any]:
    lead = leads.get((one.bot_id or 0, one.telegram_id or 0))
    is_own = lead is not None and lead.account_id == one.account_id
    click_id = one.click_id or (lead.last_click_id if lead is not None and is_own else None)
    click = clicks.get(click_id or "")
    if click is not None and click.account_id != one.account_id:
        click = None
    if lead is not None and click is not None and not one.click_id and (click.started_at or one.at) > one.at:
        click = touch_before(session, lead.id, one.at)
    return {
        "account_id": one.account_id,
        "bot_id": one.bot_id or (click.bot_id if click is not None else None),
        "telegram_id": one.telegram_id,
        "lead_id": lead.id if lead is not None and is_own else None,
        "goal": one.goal,
        "amount_micros": one.amount_micros,
        "currency": one.currency,
        "event_id": one.event_id,
        "source": one.source,
        "at": one.at,
        **touch_of(click, one.at if one.click_id else None),
    }
