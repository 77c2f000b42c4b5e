"""Saving drafts: who has an older one in hand is told, and overwrites nobody's work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Flow
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.core.times import iso, utc_now
from services.fleet.flows.actors import actor_name
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform

LARGEST_DOCUMENT: Final = 512 * 1024  # bytes of JSON; a flow of 200 steps with 2 KB of text each has 450 KB
DEEPEST: Final = 12  # levels of lists and objects; a document has 9
ONE_SITTING: Final = timedelta(minutes=10)  # saves of one person closer than this are one entry in the trail


def save_draft(
    platform: Platform, caller: Principal, flow_id: int, document: Mapping[str, Any], revision: int
) -> Flow:
    """Save a draft that was made of the one with `revision`; the flow, with the new `draft_revision`.

    A draft may be incomplete: what is missing keeps it from being published, not from being saved. Saving what is there
    already changes nothing. Raises NotFound, InvalidInput `flow_too_large`, and Conflict `draft_changed` with who saved
    another one and when.
    """
    check_size(document)
    with platform.database.transaction() as session:
        flow = locked_flow(session, caller, flow_id)
        if flow.draft == document:
            return flow
        refuse_stale(session, caller, flow, revision)
        write_draft(session, caller, flow, document)
    return flow


def write_draft(session: Session, caller: Principal, flow: Flow, document: Mapping[str, Any]) -> None:
    """Make `document` the draft of a locked flow."""
    now = utc_now()
    if flow.draft_by != caller.actor or now - flow.draft_at > ONE_SITTING:
        audit(session, caller, "flow_draft_saved", account_id=flow.account_id, flow_id=flow.id, key=flow.key)
    flow.draft, flow.draft_revision = dict(document), flow.draft_revision + 1
    flow.draft_by, flow.draft_at = caller.actor, now


def refuse_stale(session: Session, caller: Principal, flow: Flow, revision: int) -> None:
    """Raise Conflict `draft_changed` unless `revision` is the one of a locked flow's draft."""
    if flow.draft_revision != revision:
        raise Conflict(
            Text(
                "{who} saved this flow at {when}, after you had opened it; load it again and repeat your change",
                who=_who(session, caller, flow),
                when=iso(flow.draft_at),
            ),
            code="draft_changed",
            field="revision",
        )


def locked_flow(session: Session, caller: Principal, flow_id: int, *, to_delete: bool = False) -> Flow:
    """The caller's flow, held until the commit: saving, publishing and deleting go one after the other.

    Unless it is `to_delete`, rows that only refer to it may come meanwhile: those of people who reach a step.
    """
    query = select(Flow).where(Flow.id == get_owned(session, caller, Flow, flow_id).id)
    held = query.with_for_update(key_share=not to_delete)
    return session.scalars(held, execution_options={"populate_existing": True}).one()


def check_size(document: Mapping[str, Any]) -> None:
    """Raise InvalidInput `flow_too_large` for what no draft can be: over 512 KB, too deep, or no JSON."""
    try:
        size = len(json.dumps(document, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput("The flow is no JSON", code="flow_malformed", field="document") from None
    if size > LARGEST_DOCUMENT or _depth(document) > DEEPEST:
        raise InvalidInput(
            Text("A flow has at most {size} KB; divide it into several", size=LARGEST_DOCUMENT // 1024),
            code="flow_too_large",
            field="document",
        )


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0)


def _who(session: Session, caller: Principal, flow: Flow) -> Text:
    if flow.draft_by == caller.actor:
        return Text("You, in another window,")
    return actor_name(session, caller, flow.account_id, flow.draft_by)
