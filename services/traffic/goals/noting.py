"""Goals that the account's own programs tell of, by person or by click."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Click, Goal, GoalSource, Lead
from plugins.goals import GoalError, goal_wish
from services.core.errors import InvalidInput, NotFound
from services.core.identifiers import LARGEST_ID
from services.core.moments import NamedMoment
from services.core.times import utc_now
from services.fleet.pools.start_payload import split_payload
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.traffic.goals.recording import LONGEST_EVENT, GoalReached, record_goals

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]


class NewGoal(BaseModel):
    """A goal that somebody reached: named by `telegram_id` (and the bot, where several know them), or by the click."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    goal: Name
    event_id: str = Field(
        min_length=1, max_length=LONGEST_EVENT, description="noted once, however often it is sent"
    )
    value: str | None = Field(None, max_length=30, description='such as "9.90"; negative for a refund')
    currency: str | None = Field(
        None, max_length=3, description="with the value: three capitals, such as BRL"
    )
    telegram_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    bot_id: int | str | None = None
    click_id: str | None = Field(
        None, max_length=64, description="a click's id, or the start payload that holds it"
    )
    at: NamedMoment | None = Field(None, description="when it was reached; left out: now")


def note_goal(platform: Platform, caller: Principal, wanted: NewGoal) -> tuple[Goal, bool]:
    """Note a goal; the goal of that event id, and whether it is new.

    Raises NotFound for a bot, a person or a click that is not the caller's, InvalidInput `goal_without_person`, `goal_value`.
    """
    try:
        wish = goal_wish(wanted.goal, wanted.value, wanted.currency)
    except GoalError as error:
        raise InvalidInput(
            "A value is a number such as 9.90, with a currency of three capital letters such as BRL",
            code="goal_value",
            field="value",
        ) from error
    with platform.database.transaction() as session:
        bot_id, telegram_id, click_id = _who(session, caller, wanted)
        reached = GoalReached(
            account_id=caller.account_id,
            goal=wish.goal,
            event_id=wanted.event_id,
            source=GoalSource.API,
            at=_moment(wanted.at),
            bot_id=bot_id,
            telegram_id=telegram_id,
            click_id=click_id,
            amount_micros=wish.amount_micros,
            currency=wish.currency,
        )
        new = record_goals(session, [reached])
        if new:
            return new[0], True
        known = select(Goal).where(Goal.account_id == caller.account_id, Goal.event_id == wanted.event_id)
        return session.scalars(known).one(), False


def _moment(at: datetime | None) -> datetime:
    now = utc_now()
    try:
        moment = now if at is None else at.astimezone(UTC)
    except OverflowError:  # the first or last hours of the calendar, seen from another offset
        raise InvalidInput("The moment is out of range", field="at") from None
    if moment > now:
        raise InvalidInput("A goal cannot be reached in the future", field="at")
    return moment


def _who(session: Session, caller: Principal, wanted: NewGoal) -> tuple[int | None, int | None, str | None]:
    """Bot, person and named click of a goal."""
    bot_id = None if wanted.bot_id is None else get_owned(session, caller, Bot, wanted.bot_id).id
    if wanted.click_id is not None:
        return _by_click(session, caller.account_id, wanted.click_id)
    if wanted.telegram_id is None:
        raise InvalidInput(
            "Say who reached the goal: telegram_id or click_id",
            code="goal_without_person",
            field="telegram_id",
        )
    lead = find_lead(session, caller.account_id, wanted.telegram_id, bot_id)
    if lead is None:
        raise NotFound("None of your bots knows this person", code="person_not_found")
    return lead.bot_id, lead.telegram_id, None


def _by_click(session: Session, account_id: int, given: str) -> tuple[int | None, int | None, str]:
    click = find_click(session, account_id, given)
    if click is None:
        raise NotFound("There is no such click", code="click_not_found")
    lead = session.get(Lead, click.lead_id) if click.lead_id else None
    return click.bot_id, lead.telegram_id if lead else None, click.id


def find_click(session: Session, account_id: int, given: str) -> Click | None:
    """An account's click by its id, or by the start payload that holds it."""
    click = session.get(Click, split_payload(given)[1] or given)
    return click if click is not None and click.account_id == account_id else None


def find_lead(session: Session, account_id: int, telegram_id: int, bot_id: int | None) -> Lead | None:
    """Somebody whom a bot of the account knows; without a bot the one that they turned to last."""
    query = select(Lead).where(Lead.account_id == account_id, Lead.telegram_id == telegram_id)
    if bot_id is not None:
        query = query.where(Lead.bot_id == bot_id)
    return session.scalars(query.order_by(Lead.last_interaction.desc(), Lead.id.desc()).limit(1)).first()
