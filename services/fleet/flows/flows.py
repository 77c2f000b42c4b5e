"""Making, naming and deleting flows. Each use case is one transaction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import count
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Flow
from services.core.errors import Conflict
from services.core.i18n import Text
from services.fleet.flows.drafts import check_size, locked_flow
from services.fleet.flows.fields import NewFlow
from services.fleet.flows.sources import document_of
from services.fleet.flows.users import refuse_used
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.accounts.quotas import Quota, lock_account, make_room
from services.platform.platform import Platform

LONGEST_KEY: Final = 40


def create_flow(platform: Platform, caller: Principal, wanted: NewFlow) -> Flow:
    """A new flow with a draft and no version yet. Raises Conflict `flow_key_taken` and `quota_exceeded`, InvalidInput `flow_too_large` and as
    `document_of` does."""
    document = document_of(wanted)
    check_size(document)
    with platform.database.transaction() as session:
        make_room(session, platform.settings, caller.account_id, Quota.FLOWS)
        lock_account(session, caller.account_id)  # who makes another one at once waits: keys are unique
        flow = Flow(
            account_id=caller.account_id,
            key=_free_key(session, caller.account_id, wanted),
            name=wanted.name,
            draft=document,
            draft_by=caller.actor,
        )
        session.add(flow)
        session.flush()
        audit(session, caller, "flow_created", flow_id=flow.id, key=flow.key)
    return flow


def get_flow(platform: Platform, caller: Principal, flow_id: int) -> Flow:
    """One flow of the caller's; NotFound `flow_not_found` for anybody else's."""
    # An admin's access leaves an audit entry; an owner's look takes no write lock.
    with looking(platform, caller) as session:
        return get_owned(session, caller, Flow, flow_id)


def rename_flow(platform: Platform, caller: Principal, flow_id: int, name: str) -> Flow:
    """Give the flow another name, "" for none; its key stays."""
    with platform.database.transaction() as session:
        flow = locked_flow(session, caller, flow_id)
        flow.name = name or flow.name
        audit(session, caller, "flow_renamed", account_id=flow.account_id, flow_id=flow.id, key=flow.key)
    return flow


def delete_flow(platform: Platform, caller: Principal, flow_id: int) -> None:
    """Delete a flow with its versions. Raises Conflict `flow_in_use` while a bot, a pool's behaviour or another flow
    names it."""
    with platform.database.transaction() as session:
        flow = locked_flow(session, caller, flow_id, to_delete=True)
        refuse_used(session, flow)
        session.delete(flow)
        audit(session, caller, "flow_deleted", account_id=flow.account_id, flow_id=flow.id, key=flow.key)


def _free_key(session: Session, account_id: int, wanted: NewFlow) -> str:
    taken = set(session.scalars(select(Flow.key).where(Flow.account_id == account_id)))
    if wanted.key is None:
        return next(key for key in _keys(wanted.name) if key not in taken)
    if wanted.key in taken:
        raise Conflict(
            Text("There is a flow '{key}' already; choose another key", key=wanted.key),
            code="flow_key_taken",
            field="key",
        )
    return wanted.key


def _keys(name: str) -> Iterator[str]:
    """Keys after a name: "Vídeo curto" -> video-curto, video-curto-2, …"""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[: LONGEST_KEY - 5].rstrip("-") or "flow"
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))
