"""Goals that were reached, newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import select
from typing_extensions import TypedDict

from models import Goal, GoalSource
from services.core.answer_types import Moment, one_of
from services.core.times import iso
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


@dataclass(frozen=True)
class GoalFilter:
    """Which goals are wanted; None leaves a condition out. `before` ends the time, exclusive."""

    goal: str | None = None
    bot_id: int | None = None
    telegram_id: int | None = None
    pool_id: int | None = None
    source: str | None = None
    click_id: str | None = None
    since: datetime | None = None
    before: datetime | None = None


class GoalView(TypedDict):
    """A goal that somebody reached, with the click that is credited; `amount_micros` is null where it has no worth."""

    id: int
    at: Moment
    goal: str
    amount_micros: int | None
    currency: str
    event_id: str
    source: Annotated[str, one_of(GoalSource)]
    bot_id: int | None
    telegram_id: int | None
    click_id: str | None
    clicked_at: Moment | None
    pool_id: int | None
    click_source: str
    campaign: str
    ad: str


def list_goals(
    platform: Platform, caller: Principal, wanted: GoalFilter, *, after: int = 0, limit: int = 50
) -> list[Goal]:
    """Up to `limit` of the caller's goals, newest first, from below the id `after` on (0: the newest)."""
    equal: dict[Any, Any] = {
        Goal.goal: wanted.goal,
        Goal.bot_id: wanted.bot_id,
        Goal.telegram_id: wanted.telegram_id,
        Goal.pool_id: wanted.pool_id,
        Goal.source: wanted.source,
        Goal.click_id: wanted.click_id,
    }
    query = select(Goal).where(Goal.account_id == caller.account_id)
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.since is not None:
        query = query.where(Goal.at >= wanted.since)
    if wanted.before is not None:
        query = query.where(Goal.at < wanted.before)
    if after:
        query = query.where(Goal.id < after)
    with platform.database.reading() as session:
        return list(session.scalars(query.order_by(Goal.id.desc()).limit(limit)))


def describe_goal(goal: Goal) -> GoalView:
    """A goal as JSON."""
    return {
        "id": goal.id,
        "at": iso(goal.at),
        "goal": goal.goal,
        "amount_micros": goal.amount_micros,
        "currency": goal.currency,
        "event_id": goal.event_id,
        "source": goal.source,
        "bot_id": goal.bot_id,
        "telegram_id": goal.telegram_id,
        "click_id": goal.click_id,
        "clicked_at": iso(goal.clicked_at),
        "pool_id": goal.pool_id,
        "click_source": goal.click_source,
        "campaign": goal.campaign,
        "ad": goal.ad,
    }
