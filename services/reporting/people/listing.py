"""Pages of the people who meet conditions, with the clicks that brought them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import AccessList, Bot, BotAccess, Click, Lead
from services.core.answer_types import Moment
from services.core.times import iso, utc_now
from services.platform.accounts.principal import Principal
from services.platform.database import among
from services.platform.platform import Platform
from services.reporting.people.places import Place, place_of
from services.traffic.audience.conditions import Conditions
from services.traffic.audience.selecting import count_people, select_people
from services.traffic.clicks.leads import present_state
from services.traffic.clicks.source import ad_of, campaign_of

Order = Literal["newest", "active"]
# The first has an index; the second looks at all whom the conditions leave.
COLUMNS: Final = {"newest": Lead.first_interaction, "active": Lead.last_interaction}


class TouchView(TypedDict):
    """A click that brought somebody."""

    click_id: str
    at: Moment
    pool_id: int
    source: str
    campaign: str
    ad: str


class PersonRow(TypedDict):
    """Somebody as one bot knows them. `first_touch` brought them, `last_touch` brought them back; null: no click of ours,
    or one that went by age. `is_blocked`: the bot does not answer them, as its owner said."""

    lead_id: int
    telegram_id: int
    bot_id: int
    bot: str
    name: str
    username: str
    language: str
    state: str
    is_blocked: bool
    tags: list[str]
    first_interaction: Moment
    last_interaction: Moment
    first_touch: TouchView | None
    last_touch: TouchView | None


def list_people(
    platform: Platform,
    caller: Principal,
    conditions: Conditions,
    *,
    order: Order = "newest",
    cursor: str = "",
    limit: int = 50,
) -> tuple[list[PersonRow], str | None]:
    """At most `limit` of the caller's people, and the cursor of the page behind; InvalidInput for a cursor that is none."""
    before, column = place_of(cursor), COLUMNS[order]
    query = select_people(caller.account_id, conditions).with_only_columns(
        Lead, Bot, maintain_column_froms=True
    )
    if before is not None:
        behind = or_(column < before.at, and_(column == before.at, Lead.id < before.number))
        query = query.where(column <= before.at, behind)
    query = query.order_by(column.desc(), Lead.id.desc()).limit(limit + 1)
    with platform.database.reading() as session:
        found = [(row[0], row[1]) for row in session.execute(query)]
        shown = found[:limit]
        touches = touches_of(session, [lead for lead, _ in shown])
        blocked = blocked_of(session, [lead for lead, _ in shown])
    last = shown[-1][0] if len(found) > limit else None
    following = None if last is None else Place(getattr(last, column.key), last.id).cursor
    return [row_of(lead, bot, touches, blocked) for lead, bot in shown], following


def count_matching(platform: Platform, caller: Principal, conditions: Conditions) -> int:
    """How many of the caller's people meet the conditions, each counted once per bot."""
    with platform.database.reading() as session:
        return count_people(session, caller.account_id, conditions)


def touches_of(session: Session, leads: Sequence[Lead]) -> dict[str, TouchView]:
    """The clicks of the first and the last touch of these people, by their ids."""
    wanted = {click for lead in leads for click in (lead.first_click_id, lead.last_click_id) if click}
    clicks = session.scalars(select(Click).where(Click.id.in_(wanted))) if wanted else ()
    return {
        click.id: {
            "click_id": click.id,
            "at": iso(click.at),
            "pool_id": click.pool_id,
            "source": click.source,
            "campaign": campaign_of(click.params),
            "ad": ad_of(click.params),
        }
        for click in clicks
    }


def blocked_of(session: Session, leads: Sequence[Lead]) -> set[int]:
    """Which of these leads their bots do not answer now, as their owner said."""
    by_place = {(lead.bot_id, lead.telegram_id): lead.id for lead in leads}
    if not by_place:
        return set()
    named = among(session, (BotAccess.bot_id, BotAccess.telegram_id), by_place)
    places = session.execute(
        select(BotAccess.bot_id, BotAccess.telegram_id)
        .where(BotAccess.list == AccessList.BLOCKED, named)
        .where(or_(BotAccess.until.is_(None), BotAccess.until > utc_now()))
    )
    return {by_place[bot_id, telegram_id] for bot_id, telegram_id in places}


def row_of(lead: Lead, bot: Bot, touches: dict[str, TouchView], blocked: set[int]) -> PersonRow:
    """Somebody as one bot knows them."""
    return {
        "lead_id": lead.id,
        "telegram_id": lead.telegram_id,
        "bot_id": bot.id,
        "bot": bot.username,
        "name": f"{lead.first_name} {lead.last_name}".strip(),
        "username": lead.username,
        "language": lead.language,
        "state": present_state(lead, bot.identity),
        "is_blocked": lead.id in blocked,
        "tags": lead.tags,
        "first_interaction": iso(lead.first_interaction),
        "last_interaction": iso(lead.last_interaction),
        "first_touch": touches.get(lead.first_click_id or ""),
        "last_touch": touches.get(lead.last_click_id or ""),
    }
