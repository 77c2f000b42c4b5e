"""The click that a goal is credited to: the last touch of the person who reached it, at that time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from models import Click, Goal, Start
from services.core.times import hour_of
from services.traffic.clicks.source import AD_IDS, ad_of, campaign_of


def touch_of(click: Click | None, given_at: datetime | None = None) -> dict[str, Any]:
    """The columns of a goal that tell of its click; `given_at` is the goal's time where a program named the click, which
    stands then whatever start comes later.
    """
    if click is None:
        return dict(_NO_TOUCH)
    return {
        "click_id": click.id,
        "clicked_at": click.at,
        "clicked_hour": hour_of(click.at),
        "touched_at": given_at or click.started_at or click.at,
        "pool_id": click.pool_id,
        "click_source": click.source,
        "campaign": campaign_of(click.params),
        "ad": ad_of(click.params),
        "country": click.country,
        "device": click.device,
        "ad_ids": {name: click.params[name] for name in AD_IDS if click.params.get(name)},
    }


_NO_TOUCH: dict[str, Any] = {
    "click_id": None,
    "clicked_at": None,
    "clicked_hour": None,
    "touched_at": None,
    "pool_id": None,
    "click_source": "",
    "campaign": "",
    "ad": "",
    "country": "",
    "device": "",
    "ad_ids": {},
}


def same_touch(goal: Goal) -> dict[str, Any]:
    """The columns that tell of the click which `goal` is credited to."""
    return {name: getattr(goal, name) for name in _NO_TOUCH}


def touch_before(session: Session, lead_id: int, at: datetime) -> Click | None:
    """A lead's last touch at a time that is past: the click of the newest start until then that was bound."""
    query = (
        select(Click)
        .join(Start, Start.click_id == Click.id)
        .where(Start.lead_id == lead_id, Click.lead_id == lead_id, Start.at <= at)
        .order_by(Start.at.desc(), Start.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def give_touches(session: Session, bound: Sequence[tuple[int, Click, datetime]]) -> None:
    """Starts were bound to their clicks (lead, click, when it started): the goals that each lead reached from then on, before
    another touch, are of that click.

    A click may arrive after its start, and what the person did upon the start is reached by then. The caller holds the
    leads' rows, as does whoever records a goal.
    """
    reached = select(Goal.lead_id).where(Goal.lead_id.in_({lead_id for lead_id, _, _ in bound}))
    with_goals = set(session.scalars(reached.distinct()))
    for lead_id, click, started_at in bound:
        if lead_id in with_goals:
            _give_touch(session, lead_id, click, started_at)


def _give_touch(session: Session, lead_id: int, click: Click, started_at: datetime) -> None:
    session.execute(
        update(Goal)
        .where(
            Goal.lead_id == lead_id,
            Goal.at >= started_at,
            or_(Goal.touched_at.is_(None), Goal.touched_at < started_at),
        )
        .values({**touch_of(click), "touched_at": started_at})
        .execution_options(synchronize_session=False)
    )
