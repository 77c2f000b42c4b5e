"""What happened to a pool's members: changes of state and failed checks, newest first."""

from __future__ import annotations

from typing import Annotated, cast

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, MemberStatus, PoolBot, PoolBotTransition, RedirectPool
from services.core.answer_types import Moment, one_of
from services.core.times import iso
from services.fleet.health.members import FailureView
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform

TransitionView = TypedDict(
    "TransitionView",
    {
        "id": int,
        "at": Moment,
        "bot_id": int,
        "username": str,
        "from": Annotated[str, one_of(MemberStatus)],
        "to": Annotated[str, one_of(MemberStatus)],
        "cause": str,
    },
)


class MemberFailureView(FailureView):
    """A failed check and whose it was."""

    bot_id: int
    username: str


def transitions(session: Session, pool_id: int, limit: int, *, before: int = 0) -> list[TransitionView]:
    """The newest changes of state of a pool's present members, at most `limit`, with ids below `before` if given."""
    query = (
        select(PoolBotTransition, Bot.id, Bot.username)
        .join(PoolBot, PoolBotTransition.pool_bot_id == PoolBot.id)
        .join(Bot, PoolBot.bot_id == Bot.id)
        .where(PoolBot.pool_id == pool_id)
        .order_by(PoolBotTransition.id.desc())  # which is the order of time, but for ties
        .limit(limit)
    )
    if before:
        query = query.where(PoolBotTransition.id < before)
    return [
        {
            "id": row.id,
            "at": iso(row.at),
            "bot_id": bot_id,
            "username": username,
            "from": row.from_status,
            "to": row.to_status,
            "cause": row.cause,
        }
        for row, bot_id, username in session.execute(query)
    ]


def pool_transitions(
    platform: Platform, caller: Principal, pool_id: int, *, before: int = 0, limit: int = 50
) -> tuple[list[TransitionView], str | None]:
    """A page of one of the caller's pools and the cursor of the next; NotFound for another's."""
    with looking(platform, caller) as session:
        get_owned(session, caller, RedirectPool, pool_id)
        found = transitions(session, pool_id, limit + 1, before=before)
    return found[:limit], str(found[limit - 1]["id"]) if len(found) > limit else None


def pool_failures(platform: Platform, caller: Principal, pool_id: int) -> list[MemberFailureView]:
    """The last failed checks of the members together, at most ten of each; NotFound for another's pool."""
    query = (
        select(PoolBot.last_failures, Bot.id, Bot.username)
        .join(Bot, PoolBot.bot_id == Bot.id)
        .where(PoolBot.pool_id == pool_id)
    )
    with looking(platform, caller) as session:
        get_owned(session, caller, RedirectPool, pool_id)
        rows = session.execute(query).all()
    found: list[MemberFailureView] = [
        {"bot_id": bot_id, "username": username, **failure}
        for failures, bot_id, username in rows
        for failure in cast(list[FailureView], failures)
    ]
    return sorted(found, key=lambda failure: failure["at"], reverse=True)
