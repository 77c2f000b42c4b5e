"""Which click became which conversation. A start and its click may arrive in any order.

A click is bound once, to the first lead that presents its token at the very bot the click was sent to; anything else
(unknown, reused, somebody else's) is harmless. `record_starts` binds when the click is there already, else the flusher
does when the click arrives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from models import Bot, BoundStart, Click, Lead, Start
from services.core.metrics import FUNNEL
from services.core.storable import storable
from services.fleet.pools.start_payload import LONGEST_PAYLOAD, split_payload
from services.platform.database import insert_of
from services.traffic.clicks.leads import LEADS, Contact, Person
from services.traffic.goals.touch import give_touches

# How many of the newest starts are looked at again for a click that was written at the same moment.
LATE_STARTS = 1000
# Telegram numbers each of its bots' updates by itself, with 32 bits; a later identity's must not pass for repetitions.
NUMBERS_OF_AN_IDENTITY = 2**40

# As tables, with the rows as parameters: statements that are compiled once, whatever the number of rows.
STARTS: Final[Any] = Start.__table__
BOUND: Final[Any] = BoundStart.__table__
CLICKS: Final[Any] = Click.__table__
_TAKE_CLICK: Final = (
    update(CLICKS)
    .where(CLICKS.c.id == bindparam("click"))
    .values(lead_id=bindparam("lead"), started_at=bindparam("started"))
)
_NEWEST: Final = (
    select(STARTS.c.click_id)
    .join(CLICKS, CLICKS.c.id == STARTS.c.click_id)
    .where(STARTS.c.lead_id == bindparam("lead"), CLICKS.c.lead_id == bindparam("lead"))
    .order_by(STARTS.c.at.desc(), STARTS.c.id.desc())
    .limit(1)
)
# First touch: only the start that made the lead, and for good. Last touch: the newest start bound so far.
_IS_FIRST: Final = and_(LEADS.c.first_click_id.is_(None), LEADS.c.first_interaction == bindparam("started"))
_TOUCH_LEAD: Final = (
    update(LEADS)
    .where(LEADS.c.id == bindparam("lead"))
    .values(
        first_click_id=case((_IS_FIRST, bindparam("click")), else_=LEADS.c.first_click_id),
        last_click_id=_NEWEST.scalar_subquery(),
    )
)


@dataclass(frozen=True)
class NewStart:
    """Somebody pressed Start, which is update `update_id` of the bot's; `payload` is what came with /start."""

    contact: Contact
    update_id: int
    payload: str


def record_starts(session: Session, starts: Sequence[NewStart], leads: Mapping[Person, int]) -> list[str]:
    """Note these starts of `leads` in the caller's transaction; for each its start parameter without the token.

    A repeated update adds nothing. A handful of statements, however many there are.
    """
    params, rows = [], []
    for start in starts:
        bot = start.contact.bot
        start_param, click_id = split_payload(storable(start.payload)[:LONGEST_PAYLOAD])
        params.append(start_param)
        rows.append(
            {
                "bot_id": bot.id,
                "update_id": start.update_id + (bot.identity - 1) * NUMBERS_OF_AN_IDENTITY,
                "lead_id": leads[start.contact.person],
                "start_param": start_param,
                "click_id": click_id,
                "at": start.contact.at,
            }
        )
    if rows:
        statement = insert_of(session, STARTS)
        statement = statement.on_conflict_do_nothing(index_elements=["bot_id", "update_id"])
        fresh = session.scalars(statement.returning(STARTS.c.click_id), rows).all()
        FUNNEL.labels("start").inc(len(fresh))
        bind_starts(session, [click_id for click_id in fresh if click_id is not None])
    return params


def bind_starts(session: Session, click_ids: Sequence[str]) -> None:
    """Bind these clicks, as far as they are rows and still free, to the earliest start that came with each."""
    if click_ids:
        _bind(session, _free_clicks().where(Start.click_id.in_(click_ids)))


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


def _bind(session: Session, query: Any) -> None:
    """Bind each click to the first of its starts in the order of the query."""
    waiting: dict[str, tuple[Start, Click]] = {}
    for start, click in session.execute(query):
        waiting.setdefault(click.id, (start, click))
    free = _held(session, waiting)
    bound = [(start, click) for start, click in waiting.values() if click.id in free]
    if not bound:
        return
    rows = [{"click": click.id, "lead": start.lead_id, "started": start.at} for start, click in bound]
    connection = session.connection()
    connection.execute(_TAKE_CLICK, rows)
    connection.execute(_TOUCH_LEAD, rows)
    note = insert_of(session, BOUND).values(click_id=bindparam("click")).on_conflict_do_nothing()
    connection.execute(note, [{"click": click.id} for _, click in bound])
    give_touches(session, [(start.lead_id, click, start.at) for start, click in bound])


def _held(session: Session, waiting: Mapping[str, tuple[Start, Click]]) -> Collection[str]:
    """Of these clicks those that are still free, nobody else's until the transaction ends; on SQLite there is one writer at a time.

    Leads first, as whoever records a start holds theirs by then; of two transactions that bind one click, the second finds it taken.
    """
    if not waiting or session.get_bind().dialect.name == "sqlite":
        return waiting.keys()
    leads = select(Lead.id).where(Lead.id.in_({start.lead_id for start, _ in waiting.values()}))
    session.execute(leads.order_by(Lead.bot_id, Lead.telegram_id).with_for_update(key_share=True)).all()
    clicks = select(Click.id).where(Click.id.in_(waiting), Click.lead_id.is_(None))
    return set(session.scalars(clicks.order_by(Click.id).with_for_update()))
