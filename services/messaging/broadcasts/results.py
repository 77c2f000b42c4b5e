"""What a broadcast led to, and its ledger row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select
from typing_extensions import TypedDict

from models import Broadcast, BroadcastRecipient, Goal, Lead, RecipientStatus, Start
from plugins.database import OPTED_OUT
from services.core.times import iso
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.traffic.audience.tag_conditions import has_tag
from services.traffic.clicks.leads import ACTIVE

COLUMNS: Final = ("telegram_id", "bot_id", "variant", "status", "cause", "message_id", "at")
PAGE: Final = 2000
ROW: Final = BroadcastRecipient


class VariantResult(TypedDict):
    """Of the people who got a text: how many turned to the bot afterwards, pressed /start, reached the goal, left."""

    name: str
    sent: int
    came_back: int
    started: int
    reached_goal: int
    opted_out: int
    blocked_later: int


def results(platform: Platform, caller: Principal, broadcast_id: int) -> list[VariantResult]:
    """What each text led to; NotFound for somebody else's."""
    with looking(platform, caller) as session:
        broadcast = get_owned(session, caller, Broadcast, broadcast_id)
        found = {row[0]: row[1:] for row in session.execute(_query(broadcast))}
    names = [str(each["name"]) for each in broadcast.variants]
    return [_result(name, found.get(at)) for at, name in enumerate(names)]


def _query(broadcast: Broadcast) -> Any:
    started = exists().where(Start.lead_id == Lead.id, Start.at > ROW.at)
    goal = _reached(broadcast.goal_tag) if broadcast.goal_tag else false()
    facts = (Lead.last_interaction > ROW.at, started, goal, has_tag(OPTED_OUT), Lead.state != ACTIVE)
    return (
        select(ROW.variant, func.count(), *(func.sum(case((fact, 1), else_=0)) for fact in facts))
        .outerjoin(Lead, and_(Lead.bot_id == ROW.bot_id, Lead.telegram_id == ROW.telegram_id))
        .where(ROW.broadcast_id == broadcast.id, ROW.status == RecipientStatus.SENT)
        .group_by(ROW.variant)
    )


def _reached(goal: str) -> ColumnElement[bool]:
    """Who reached the goal after their message; of whom the goals say nothing, who has the tag of its name, which has no date."""
    named = exists().where(
        Goal.bot_id == ROW.bot_id,
        Goal.telegram_id == ROW.telegram_id,
        Goal.goal == goal,
        or_(Goal.amount_micros.is_(None), Goal.amount_micros >= 0),  # what is below is paid back
    )
    return or_(named.where(Goal.at > ROW.at), and_(has_tag(goal), ~named))


def _result(name: str, row: Any) -> VariantResult:
    numbers = [int(number or 0) for number in row] if row else [0] * 6
    sent, came_back, started, goal, opted_out, left = numbers
    return {
        "name": name,
        "sent": sent,
        "came_back": came_back,
        "started": started,
        "reached_goal": goal,
        "opted_out": opted_out,
        "blocked_later": left,
    }


def ledger_rows(platform: Platform, caller: Principal, broadcast_id: int) -> Iterator[dict[str, Any]]:
    """Every row, in order of Telegram ids, read in pages. NotFound for somebody else's, before the first row."""
    with looking(platform, caller) as session:
        names = [str(each["name"]) for each in get_owned(session, caller, Broadcast, broadcast_id).variants]
    return _pages(platform, broadcast_id, names)


def _pages(platform: Platform, broadcast_id: int, names: list[str]) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        query = (
            select(ROW)
            .where(ROW.broadcast_id == broadcast_id, ROW.telegram_id > after)
            .order_by(ROW.telegram_id)
            .limit(PAGE)
        )
        with platform.database.reading() as session:
            page = list(session.scalars(query))
        for row in page:
            yield {
                **{name: getattr(row, name) for name in COLUMNS},
                "variant": names[min(row.variant, len(names) - 1)] if names else "",
                "at": iso(row.at),
            }
        if len(page) < PAGE:
            return
        after = page[-1].telegram_id
