"""The facts of events as they stand in the database when they are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Click, Goal, Lead, PostbackDelivery, PostbackEvent, RedirectPool
from services.traffic.postbacks.facts import EventFacts

ROWS_AT_ONCE: Final = 1000


def facts_of(session: Session, delivery: PostbackDelivery) -> EventFacts | None:
    """What a delivery tells; None when what it told of is gone."""
    if delivery.event == PostbackEvent.GOAL:
        goal = session.get(Goal, delivery.goal_id) if delivery.goal_id else None
        return None if goal is None else facts_of_goal(session, goal)
    click = session.get(Click, delivery.click_id) if delivery.click_id else None
    return None if click is None else _facts_of_click(session, click, PostbackEvent(delivery.event))


def facts_of_goal(session: Session, goal: Goal) -> EventFacts:
    """A goal's; what its click had beside ad ids is told while the click is there."""
    click = session.get(Click, goal.click_id) if goal.click_id else None
    return EventFacts(
        event=PostbackEvent.GOAL,
        event_id=f"{PostbackEvent.GOAL}:{goal.id}",
        at=goal.at,
        click_id=goal.click_id or "",
        clicked_at=goal.clicked_at,
        params={**(click.params if click is not None else {}), **goal.ad_ids},
        goal=goal.goal,
        amount_micros=goal.amount_micros,
        currency=goal.currency,
        person=person_hash(goal.account_id, goal.telegram_id),
        bot=_bot(session, goal.bot_id),
        pool=_pool(session, goal.pool_id),
        source=goal.click_source,
        country=goal.country,
        device=goal.device,
    )


def conversions_between(
    session: Session,
    account_id: int,
    begin: datetime,
    end: datetime,
    names: Sequence[str],
    pools: Sequence[int],
) -> Iterator[EventFacts]:
    """An account's goals of a time that came from a click, oldest first; empty lists match all.

    As much as a goal keeps itself, so that however many they are it takes one query.
    """
    query = select(Goal).where(
        Goal.account_id == account_id, Goal.at >= begin, Goal.at < end, Goal.click_id.is_not(None)
    )
    if names:
        query = query.where(Goal.goal.in_(names))
    if pools:
        query = query.where(Goal.pool_id.in_(pools))
    query = query.order_by(Goal.at, Goal.id).execution_options(yield_per=ROWS_AT_ONCE)
    for goal in session.scalars(query):
        yield EventFacts(
            event=PostbackEvent.GOAL,
            event_id=f"{PostbackEvent.GOAL}:{goal.id}",
            at=goal.at,
            params=goal.ad_ids,
            goal=goal.goal,
            amount_micros=goal.amount_micros,
            currency=goal.currency,
        )


def person_hash(account_id: int, telegram_id: int | None) -> str:
    """A person as a SHA-256 that is the same for all their events of an account; "" for nobody."""
    if telegram_id is None:
        return ""
    return hashlib.sha256(f"{account_id}:{telegram_id}".encode()).hexdigest()


def _facts_of_click(session: Session, click: Click, event: PostbackEvent) -> EventFacts:
    lead = session.get(Lead, click.lead_id) if click.lead_id else None
    is_start = event is PostbackEvent.START
    return EventFacts(
        event=event,
        event_id=f"{event}:{click.id}",
        at=(click.started_at or click.at) if is_start else click.at,
        click_id=click.id,
        clicked_at=click.at,
        params=click.params,
        person=person_hash(click.account_id, lead.telegram_id if lead else None),
        bot=_bot(session, click.bot_id),
        pool=_pool(session, click.pool_id),
        source=click.source,
        country=click.country,
        device=click.device,
    )


def _bot(session: Session, bot_id: int | None) -> str:
    bot = session.get(Bot, bot_id) if bot_id else None
    return bot.username if bot is not None else ""


def _pool(session: Session, pool_id: int | None) -> str:
    pool = session.get(RedirectPool, pool_id) if pool_id else None
    return pool.name if pool is not None else ""
