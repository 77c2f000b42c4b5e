"""Putting people at a step of a flow, as a program or an operator asks for it."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, Flow, Lead
from plugins.flows.parts import StepKey
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.fleet.flows.documents import published
from services.messaging.flows.people import MOST_AT_ONCE, start_flow
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.database import among
from services.platform.platform import Platform

LOOKED_UP_AT_ONCE: Final = 200  # pairs in one statement, as rows of timers
Number = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]


class PersonOfBot(BaseModel):
    """Somebody whom a bot knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    bot_id: Number
    telegram_id: Number


class FlowStart(BaseModel):
    """Who is to be put where. Without a step it is the flow's first one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    people: Annotated[list[PersonOfBot], Field(min_length=1, max_length=MOST_AT_ONCE)]
    step: StepKey | None = None


class FlowStarted(TypedDict):
    """How many people are put at the step, and how many of those named no bot of the account knows."""

    people: int
    unknown: int


def start_people(platform: Platform, caller: Principal, flow_id: int, wanted: FlowStart) -> FlowStarted:
    """Put people whom the account's bots know at a step of its flow, as soon as the timers ring.

    Raises NotFound, Conflict `flow_unpublished`, InvalidInput `flow_step_missing`.
    """
    named = {(each.bot_id, each.telegram_id) for each in wanted.people}
    with platform.database.transaction() as session:
        flow = get_owned(session, caller, Flow, flow_id)
        _refuse_missing(session, flow, wanted.step)
        known = _known(session, flow.account_id, sorted(named))
        start_flow(session, known, flow.key, wanted.step)
        audit(
            session,
            caller,
            "flow_started",
            account_id=flow.account_id,
            flow=flow.id,
            key=flow.key,
            step=wanted.step or "",
            people=len(known),
        )
    return {"people": len(known), "unknown": len(named) - len(known)}


def _refuse_missing(session: Session, flow: Flow, step: str | None) -> None:
    """Refuse a flow that no bot plays yet, and a step that the version in force does not have."""
    present = published(session, flow.account_id, flow.key)
    if present is None:
        raise Conflict("The flow was never published; publish it first", code="flow_unpublished")
    if step is not None and present.document.step(step) is None:
        raise InvalidInput(
            Text("The published flow has no step {step}", step=step), code="flow_step_missing", field="step"
        )


def _known(session: Session, account_id: int, people: list[tuple[int, int]]) -> list[tuple[int, int]]:
    query = select(Lead.bot_id, Lead.telegram_id).join(Bot, Bot.id == Lead.bot_id)
    query = query.where(Bot.account_id == account_id)
    place = (Lead.bot_id, Lead.telegram_id)
    return [
        (bot_id, telegram_id)
        for start in range(0, len(people), LOOKED_UP_AT_ONCE)
        for bot_id, telegram_id in session.execute(
            query.where(among(session, place, people[start : start + LOOKED_UP_AT_ONCE]))
        )
    ]
