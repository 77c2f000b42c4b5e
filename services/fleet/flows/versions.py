"""The versions of a flow, for lists and for the editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer
from typing_extensions import TypedDict

from models import Flow, FlowVersion
from services.core.answer_types import Moment, Sentence
from services.core.times import iso
from services.fleet.flows.actors import actor_name
from services.fleet.flows.impact import version_of
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform


class VersionView(TypedDict):
    """A version of a flow. `moves` says where people of removed steps were put (null: the end); `restores` is the version
    whose document it brought back."""

    number: int
    is_in_force: bool
    published_at: Moment
    by: Sentence
    moves: dict[str, str | None]
    restores: int | None


class WholeVersionView(VersionView):
    """A version with its document."""

    document: dict[str, Any]


def list_versions(
    platform: Platform, caller: Principal, flow_id: int, *, before: int | None = None, limit: int = 50
) -> list[VersionView]:
    """The versions of the caller's flow, newest first, from the one before the number `before` on. Raises NotFound."""
    with looking(platform, caller) as session:
        flow = get_owned(session, caller, Flow, flow_id)
        query = select(FlowVersion).where(FlowVersion.flow_id == flow.id).options(defer(FlowVersion.document))
        if before is not None:
            query = query.where(FlowVersion.number < before)
        rows: Sequence[FlowVersion] = session.scalars(
            query.order_by(FlowVersion.number.desc()).limit(limit)
        ).all()
        return [_view(session, caller, flow, row) for row in rows]


def get_version(platform: Platform, caller: Principal, flow_id: int, number: int) -> WholeVersionView:
    """One version with its document. Raises NotFound, `version_not_found` too."""
    with looking(platform, caller) as session:
        flow = get_owned(session, caller, Flow, flow_id)
        row = version_of(session, flow, number)
        return {**_view(session, caller, flow, row), "document": row.document}


def _view(session: Session, caller: Principal, flow: Flow, row: FlowVersion) -> VersionView:
    return {
        "number": row.number,
        "is_in_force": row.number == flow.published,
        "published_at": iso(row.published_at),
        "by": actor_name(session, caller, flow.account_id, row.published_by),
        "moves": row.moves,
        "restores": row.restores,
    }
