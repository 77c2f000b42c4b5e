"""Whether the steps of flows that a broadcast names can be sent: there, with something to say, by bots that play flows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models import Bot, BotStatus, Broadcast, Flow
from plugins.flows.parts import Message
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.fleet.flows.documents import Published, published
from services.fleet.flows.users import plays_flows
from services.messaging.broadcasts.checks import check_paid
from services.messaging.broadcasts.contents import most_said, said_from, steps_of
from services.messaging.broadcasts.fields import FlowStep
from services.traffic.audience.conditions import Conditions
from services.traffic.audience.selecting import bots_of


def check_steps(session: Session, broadcast: Broadcast) -> None:
    """Raise InvalidInput for a step that is not there or says nothing, and for bots that cannot play it, by name."""
    steps = steps_of(broadcast)
    for at, named in steps.items():
        check_paid(broadcast, messages_of_step(session, broadcast.account_id, named, f"variants.{at}.step"))
    if steps:
        _refuse_bots(session, broadcast)


def messages_of_step(session: Session, account_id: int, named: FlowStep, field: str) -> Sequence[Message]:
    """What is said at the step, and right behind it. Raises InvalidInput where the step is not there, or says nothing itself."""
    document = _flow_in_force(session, account_id, named.flow, field).document
    step = document.step(named.step)
    if step is None:
        raise InvalidInput(
            Text("The published flow has no step {step}", step=named.step),
            code="broadcast_step_missing",
            field=f"{field}.step",
        )
    if not step.messages:
        raise InvalidInput(
            Text("The step {step} sends no message; choose one that does", step=named.step),
            code="broadcast_step_silent",
            field=f"{field}.step",
        )
    return said_from(document, named.step)


def most_messages(session: Session, broadcast: Broadcast) -> int:
    """How many messages one person gets at most, so that the rate of a bot holds for its messages; 1 where no step is sent."""
    most = 1
    for named in steps_of(broadcast).values():
        flow = published(session, broadcast.account_id, named.flow)
        most = max(most, most_said(flow.document, named.step) if flow is not None else 1)
    return most


def refuse_silent_bot(session: Session, bot: Bot) -> None:
    """Raise InvalidInput where a test is to go by a bot that plays no flows."""
    if session.scalar(select(Bot.id).where(Bot.id == bot.id, plays_flows())) is None:
        raise _play_no_flows([f"@{bot.username}"], "bot_id")


def left_out(session: Session, broadcast: Broadcast) -> list[str]:
    """Names of the audience's running bots that play no flows, so that nobody is reached by them; none where no step is sent."""
    if not steps_of(broadcast):
        return []
    running = (Bot.desired_running, Bot.status != BotStatus.FAILED, Bot.is_manager.is_(False))
    query = select(Bot.username).where(*running, _is_of_audience(broadcast), ~plays_flows())
    return list(session.scalars(query.order_by(Bot.username)))


def _flow_in_force(session: Session, account_id: int, key: str, field: str) -> Published:
    found = published(session, account_id, key)
    if found is not None:
        return found
    is_there = session.scalar(select(Flow.id).where(Flow.account_id == account_id, Flow.key == key))
    if is_there is None:
        raise InvalidInput(
            Text("There is no flow '{flow}'; make it first, or choose another", flow=key),
            code="broadcast_flow_unknown",
            field=f"{field}.flow",
        )
    raise InvalidInput(
        Text("The flow '{flow}' was never published; publish it first", flow=key),
        code="broadcast_flow_unpublished",
        field=f"{field}.flow",
    )


def _refuse_bots(session: Session, broadcast: Broadcast) -> None:
    """Bots that were chosen one by one must all play flows; of pools, and of everybody, those take part that do."""
    chosen = Conditions.model_validate(broadcast.audience or {}).bots
    if chosen:
        mine = select(Bot.username).where(Bot.account_id == broadcast.account_id, Bot.id.in_(chosen))
        names = [f"@{name}" for name in session.scalars(mine.where(~plays_flows()).order_by(Bot.username))]
        if names:
            raise _play_no_flows(names, "audience.bots")
    if session.scalar(select(Bot.id).where(_is_of_audience(broadcast), plays_flows()).limit(1)) is None:
        raise InvalidInput(
            "None of these bots plays flows; choose the bots of a flow on its page first",
            code="broadcast_bots_play_no_flow",
            field="audience.bots",
        )


def _is_of_audience(broadcast: Broadcast) -> ColumnElement[bool]:
    return bots_of(broadcast.account_id, Conditions.model_validate(broadcast.audience or {}))


def _play_no_flows(names: Sequence[str], field: str) -> InvalidInput:
    return InvalidInput(
        Text(
            "These bots play no flows: {bots}; have them play one, or leave them out", bots=", ".join(names)
        ),
        code="broadcast_bots_play_no_flow",
        field=field,
    )
