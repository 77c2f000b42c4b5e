"""Conditions on the steps of flows that people have reached (`flow_visits`)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists

from models import Flow, FlowVisit, Lead
from services.traffic.audience.conditions import StepOf


def has_reached(account_id: int, wanted: StepOf) -> ColumnElement[bool]:
    """The condition of leads who reached a step at their bot; of a step that nobody knows it is met by none."""
    visit = exists().where(
        FlowVisit.bot_id == Lead.bot_id,
        FlowVisit.telegram_id == Lead.telegram_id,
        FlowVisit.flow_id == Flow.id,
        Flow.account_id == account_id,
        Flow.key == wanted.flow,
    )
    return visit.where(FlowVisit.step == wanted.step) if wanted.step is not None else visit
