"""Why a click went where it went: from what was stored with it, not from how things stand now."""

from __future__ import annotations

from typing import Annotated, Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import (
    Audience,
    Bot,
    Click,
    Experiment,
    MemberStatus,
    PoolBot,
    PoolBotTransition,
    PoolRule,
    RedirectPool,
)
from services.core.answer_types import Moment, one_of
from services.core.errors import NotFound
from services.core.times import iso
from services.fleet.pools.strategies import listed_candidates
from services.fleet.pools.switches import State, switched_state, switches_at
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform


class CauseRuleView(TypedDict):
    """The rule that sent the click; its conditions as they are now, null when it was deleted since."""

    id: int
    conditions: dict[str, Any] | None


class CauseExperimentView(TypedDict):
    """The experiment that sent the click; its name is null when it was deleted since."""

    id: int
    name: str | None


class CauseView(TypedDict):
    """What sent a click to its pool."""

    link_pool_id: int
    rule: CauseRuleView | None
    experiment: CauseExperimentView | None


class CandidateView(TypedDict):
    """A member that could be chosen: its share in the rotation, and the part of it that it got."""

    bot_id: int
    username: str | None
    share: int
    factor: float


class MemberThenView(TypedDict):
    """A member at the moment of the click: its status, and `state`, "disabled" or "draining" where a switch said so."""

    bot_id: int
    username: str | None
    status: Annotated[str, one_of(MemberStatus)]
    state: Annotated[str, one_of(State)]


class ExplanationView(CauseView):
    """Why a click went where it went."""

    id: str
    at: Moment
    pool_id: int
    bot_id: int | None
    username: str | None
    reason: str
    audience: Annotated[str, one_of(Audience)]
    counted: bool
    over_limit: bool
    position: int | None
    candidates: list[CandidateView]
    members: list[MemberThenView]
    lead_id: int | None
    started_at: Moment | None


def explain_click(platform: Platform, caller: Principal, click_id: str) -> ExplanationView:
    """The click's decision as JSON: rule, candidates with share and factor, position, and the members' states then.

    NotFound for an unknown click and for somebody else's.
    """
    # An admin's look at somebody else's leaves an audit entry; nobody else needs the write lock.
    with looking(platform, caller) as session:
        click = session.get(Click, click_id[:16])
        if click is None or (click.account_id != caller.account_id and not caller.is_admin):
            raise NotFound("There is no such click", code="click_not_found")
        get_owned(session, caller, RedirectPool, click.pool_id)
        states = _states(session, click)
        cause = _cause(session, click)
        own_bots = select(Bot.id, Bot.username).where(Bot.account_id == click.account_id)
        names = {bot_id: username for bot_id, username in session.execute(own_bots)}  # noqa: C416 - rows are no pairs
    return {
        "id": click.id,
        "at": iso(click.at),
        "pool_id": click.pool_id,
        "bot_id": click.bot_id,
        "username": names.get(click.bot_id) if click.bot_id else None,
        **cause,
        "reason": click.reason,
        "audience": click.audience,
        "counted": click.counted,
        "over_limit": click.over_limit,
        "position": click.position,
        "candidates": [
            {
                "bot_id": one.bot_id,
                "username": names.get(one.bot_id),
                "share": one.share,
                "factor": one.factor,
            }
            for one in listed_candidates(click.candidates)
        ],
        "members": [
            {"bot_id": bot_id, "username": names.get(bot_id), "status": status, "state": state}
            for bot_id, status, state in states
        ],
        "lead_id": click.lead_id,
        "started_at": iso(click.started_at),
    }


def _cause(session: Session, click: Click) -> CauseView:
    """What sent the click to its pool: the link it came by, the rule as it is now or the experiment, or neither.

    One that was deleted since is named by its id alone.
    """
    rule = session.get(PoolRule, click.rule_id) if click.rule_id else None
    experiment = session.get(Experiment, click.experiment_id) if click.experiment_id else None
    return {
        "link_pool_id": click.link_pool_id or click.pool_id,
        "rule": {"id": click.rule_id, "conditions": rule.conditions if rule else None}
        if click.rule_id
        else None,
        "experiment": {"id": click.experiment_id, "name": experiment.name if experiment else None}
        if click.experiment_id
        else None,
    }


def _states(session: Session, click: Click) -> list[tuple[int, str, str]]:
    """Bot id, status and state of each member at the moment of the click."""
    members = session.scalars(
        select(PoolBot)
        .where(PoolBot.pool_id == click.pool_id, PoolBot.added_at <= click.at)
        .order_by(PoolBot.id)
    ).all()
    switches = switches_at(session, click.pool_id, members, click.at)
    statuses = {member.bot_id: _status(session, member, click) for member in members}
    return [(bot_id, status, switched_state(status, switches[bot_id])) for bot_id, status in statuses.items()]


def _status(session: Session, member: PoolBot, click: Click) -> str:
    """By its last transition before the click, else its first after."""
    transitions = select(PoolBotTransition).where(PoolBotTransition.pool_bot_id == member.id)
    before = session.scalars(
        transitions.where(PoolBotTransition.at <= click.at).order_by(
            PoolBotTransition.at.desc(), PoolBotTransition.id.desc()
        )
    ).first()
    if before is not None:
        return before.to_status
    after = session.scalars(
        transitions.where(PoolBotTransition.at > click.at).order_by(
            PoolBotTransition.at, PoolBotTransition.id
        )
    ).first()
    return after.from_status if after is not None else str(MemberStatus(member.status))
