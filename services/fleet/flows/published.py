"""The flows of an account that bots can play now, with the steps that say something: what a broadcast may put people at."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from typing_extensions import TypedDict

from models import Flow, FlowVersion
from plugins.flows.document import FlowDocument
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

MOST: Final = 200


class SayingStep(TypedDict):
    """A step with messages; `title` is its key where it has none."""

    key: str
    title: str


class PublishedFlow(TypedDict):
    """A flow with a version in force, and its steps that send messages, in the order of the document."""

    key: str
    name: str
    steps: list[SayingStep]


def published_flows(platform: Platform, caller: Principal) -> list[PublishedFlow]:
    """The caller's flows that were published, by their names; those of which no step says anything are left out."""
    query = (
        select(Flow.key, Flow.name, FlowVersion.document)
        .join(FlowVersion, (FlowVersion.flow_id == Flow.id) & (FlowVersion.number == Flow.published))
        .where(Flow.account_id == caller.account_id)
        .order_by(Flow.name, Flow.key)
        .limit(MOST)
    )
    with looking(platform, caller) as session:
        rows = session.execute(query).all()
    found: list[PublishedFlow] = [
        {"key": row.key, "name": row.name, "steps": _saying(FlowDocument.model_validate(row.document))}
        for row in rows
    ]
    return [flow for flow in found if flow["steps"]]


def _saying(document: FlowDocument) -> list[SayingStep]:
    return [{"key": step.key, "title": step.title or step.key} for step in document.steps if step.messages]
