"""Which click became which conversation. A start and its click may arrive in any order.

A click is bound once, to the first lead that presents its token at the very bot the click was sent to; anything else
(unknown, reused, somebody else's) is harmless. `record_start` binds when the click is there already, else the flusher
does when the click arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models import Bot, BoundStart, Click, Lead, Start
from services.core.metrics import FUNNEL
from services.core.storable import storable
from services.fleet.pools.start_payload import LONGEST_PAYLOAD, split_payload
from services.platform.database import insert_of
from services.traffic.clicks.leads import TelegramUser, touch_lead
from services.traffic.goals.touch import give_touch

# How many of the newest starts are looked at again for a click that was written at the same moment.
LATE_STARTS = 1000
# Telegram numbers each of its bots' updates by itself, with 32 bits; a later identity's must not pass for repetitions.
NUMBERS_OF_AN_IDENTITY = 2**40


def record_start(
    session: Session, *, bot: Bot, update_id: int, user: TelegramUser, payload: str, at: datetime
) -> str:
    """Note a `/start <payload>` in the caller's transaction; the start parameter without the token.

    A repeated `update_id` adds nothing.
    """
    start_param, click_id = split_payload(storable(payload)[:LONGEST_PAYLOAD])
    lead_id = touch_lead(session, bot=bot, user=user, at=at)
    statement = insert_of(session, Start).values(
        bot_id=bot.id,
        update_id=update_id + (bot.identity - 1) * NUMBERS_OF_AN_IDENTITY,
        lead_id=lead_id,
        start_param=start_param,
        click_id=click_id,
        at=at,
    )
    statement = statement.on_conflict_do_nothing(index_elements=["bot_id", "update_id"]).returning(Start.id)
    if session.scalars(statement).first() is None:
        return start_param
    FUNNEL.labels("start").inc()
    if click_id is not None:
        bind_starts(session, [click_id])
    return start_param


def bind_starts(session: Session, click_ids: Sequence[str]) -> None:
    """Bind these clicks, as far as they are rows and still free, to the earliest start that came with each."""
    _bind(session, _waiting(click_ids))


def bind_late_starts(session: Session) -> None:
    """Bind the newest starts whose click was written by a transaction that ran at the same time as theirs."""
    newest = session.scalar(select(func.max(Start.id)))
    if newest is not None:
        _bind(session, _free_clicks().where(Start.id > newest - LATE_STARTS))


def _free_clicks() -> Any:
    """Starts beside their free click, where bot and account are the ones the click was sent to."""
    return (
        select(Start, Click)
        .join(Click, Click.id == Start.click_id)
        .join(Bot, Bot.id == Start.bot_id)
        .where(Click.lead_id.is_(None), Click.bot_id == Start.bot_id, Click.account_id == Bot.account_id)
        .order_by(Start.at, Start.id)
    )


def _waiting(click_ids: Sequence[str]) -> Any:
    return _free_clicks().where(Start.click_id.in_(click_ids))


def _bind(session: Session, query: Any) -> None:
    for start, click in session.execute(query).all():
        # Compare and set: of two transactions that bind one click, the second finds it taken.
        taken = session.execute(
            update(Click)
            .where(Click.id == click.id, Click.lead_id.is_(None))
            .values(lead_id=start.lead_id, started_at=start.at)
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount:  # type: ignore[attr-defined]
            session.execute(insert_of(session, BoundStart).values(click_id=click.id).on_conflict_do_nothing())
            _touch(session, start)
            give_touch(session, start.lead_id, click, start.at)


def _touch(session: Session, start: Start) -> None:
    """First touch: only the start that made the lead, and for good. Last touch: the newest start bound so far."""
    session.execute(
        update(Lead)
        .where(Lead.id == start.lead_id, Lead.first_click_id.is_(None), Lead.first_interaction == start.at)
        .values(first_click_id=start.click_id)
        .execution_options(synchronize_session=False)
    )
    newest = (
        select(Start.click_id)
        .join(Click, Click.id == Start.click_id)
        .where(Start.lead_id == start.lead_id, Click.lead_id == start.lead_id)
        .order_by(Start.at.desc(), Start.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    session.execute(
        update(Lead)
        .where(Lead.id == start.lead_id)
        .values(last_click_id=newest)
        .execution_options(synchronize_session=False)
    )
