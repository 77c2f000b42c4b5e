"""Reading the documents of flows: the version that bots play, and the one that an old button was sent with."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Flow, FlowVersion
from plugins.flows.document import FlowDocument


class Published(NamedTuple):
    """A flow's version in force."""

    flow_id: int
    number: int
    document: FlowDocument


def published(session: Session, account_id: int, key: str) -> Published | None:
    """What bots of the account that name this key play now; None where there is no such flow, or no version yet."""
    query = (
        select(FlowVersion.flow_id, FlowVersion.number, FlowVersion.document)
        .join(Flow, (Flow.id == FlowVersion.flow_id) & (Flow.published == FlowVersion.number))
        .where(Flow.account_id == account_id, Flow.key == key)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    return Published(row.flow_id, row.number, FlowDocument.model_validate(row.document))


def document_at(session: Session, flow_id: int, number: int) -> FlowDocument | None:
    """A version's document; None when the flow was deleted, or has no such version."""
    query = select(FlowVersion.document).where(FlowVersion.flow_id == flow_id, FlowVersion.number == number)
    stored = session.scalar(query)
    return None if stored is None else FlowDocument.model_validate(stored)
