"""Conditions on the steps of flows that people have reached (`flow_visits`)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, select

from models import Flow, FlowVisit, Lead
from services.traffic.audience.conditions import StepOf


def has_reached(account_id: int, wanted: StepOf) -> ColumnElement[bool]:
    """The condition of leads who reached a step at their bot; of a step that nobody knows it is met by none."""
    # One value, looked up once: joined in, PostgreSQL without statistics went through all visits for each person.
    flow = select(Flow.id).where(Flow.account_id == account_id, Flow.key == wanted.flow).scalar_subquery()
    visit = exists().where(
        FlowVisit.bot_id == Lead.bot_id,
        FlowVisit.telegram_id == Lead.telegram_id,
        FlowVisit.flow_id == flow,
    )
    return visit.where(FlowVisit.step == wanted.step) if wanted.step is not None else visit
