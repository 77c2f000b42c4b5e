"""Flows as programs and pages see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, cast, func, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, BotPlugin, Flow, FlowRun, FlowVersion, RunStatus
from services.core.answer_types import Moment, Sentence
from services.core.times import iso
from services.fleet.flows.actors import actor_name
from services.fleet.flows.users import FIELD, PLUGIN
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform


class FlowView(TypedDict):
    """A flow. `revision` counts saves of the draft, `saved_at` and `by` are of the last; `published` is the number of the version
    in force, null before the first; `is_changed`: the draft is another than that. `bots` is how many play it."""

    id: int
    key: str
    name: str
    revision: int
    saved_at: Moment
    by: Sentence
    published: int | None
    is_changed: bool
    bots: int
    created_at: Moment


class WholeFlowView(FlowView):
    """A flow with its draft, and how many people stand at which step now, those included that no draft has any more."""

    draft: dict[str, Any]
    people: dict[str, int]


def list_views(platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200) -> list[FlowView]:
    """The caller's own flows, oldest first, from the one behind the id `after` on."""
    mine = Flow.account_id == caller.account_id
    with platform.database.reading() as session:
        query = _query(mine, Flow.id > after).order_by(Flow.id).limit(limit)
        bots = _bots(session, caller.account_id)
        return [_view(session, caller, row, bots) for row in session.execute(query)]


def flow_view(platform: Platform, caller: Principal, flow_id: int) -> WholeFlowView:
    """One flow of the caller's; NotFound `flow_not_found` for anybody else's."""
    # An admin's access leaves an audit entry; an owner's look takes no write lock.
    with looking(platform, caller) as session:
        flow = get_owned(session, caller, Flow, flow_id)
        row = session.execute(_query(Flow.id == flow.id)).one()
        view = _view(session, caller, row, _bots(session, flow.account_id))
        return {**view, "draft": flow.draft, "people": people_at_steps(session, flow.id)}


def people_at_steps(session: Session, flow_id: int) -> dict[str, int]:
    """How many people stand at each step at which anybody does, paused ones and those who blocked the bot among them."""
    query = (
        select(FlowRun.step, func.count())
        .where(FlowRun.flow_id == flow_id, FlowRun.status != RunStatus.ENDED)
        .group_by(FlowRun.step)
        .order_by(FlowRun.step)
    )
    return {str(row[0]): int(row[1]) for row in session.execute(query)}


def _query(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Flows without their documents, which may be large; whether the draft is the version is for the database to compare."""
    is_same = cast(Flow.draft, String) == cast(FlowVersion.document, String)
    in_force = (FlowVersion.flow_id == Flow.id) & (FlowVersion.number == Flow.published)
    columns = (
        Flow.id,
        Flow.account_id,
        Flow.key,
        Flow.name,
        Flow.draft_revision,
        Flow.draft_at,
        Flow.draft_by,
        Flow.published,
        Flow.created_at,
    )
    return select(*columns, is_same.label("is_same")).outerjoin(FlowVersion, in_force).where(*conditions)


def _bots(session: Session, account_id: int) -> dict[str, int]:
    """How many bots of the account play each flow, by its key."""
    key = BotPlugin.config[FIELD].as_string()
    query = (
        select(key, func.count())
        .join(Bot, Bot.id == BotPlugin.bot_id)
        .where(Bot.account_id == account_id, BotPlugin.name == PLUGIN)
        .group_by(key)
    )
    return {name: count for name, count in session.execute(query) if name}


def _view(session: Session, caller: Principal, row: Row[Any], bots: Mapping[str, int]) -> FlowView:
    return {
        "id": row.id,
        "key": row.key,
        "name": row.name,
        "revision": row.draft_revision,
        "saved_at": iso(row.draft_at),
        "by": actor_name(session, caller, row.account_id, row.draft_by),
        "published": row.published,
        "is_changed": not row.is_same,
        "bots": bots.get(row.key, 0),
        "created_at": iso(row.created_at),
    }
