"""Moving the people who stand at steps that a publication removes, in its transaction.

The plugin hears of it by a timer of each, so that what the new step waits for begins for them too (ADR 61).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CursorResult, delete, insert, literal, select, update
from sqlalchemy.orm import Session

from models import FlowRun, RunStatus, Timer
from plugins.flows.run import MOVED
from services.fleet.flows.users import PLUGIN


def move_people(
    session: Session, flow_id: int, number: int, moves: Mapping[str, str | None], now: datetime
) -> dict[str, int]:
    """Let everybody at a step of `moves` stand at the other one, or end where that is None; how many by removed step.

    `number` is the version that is being published; the caller holds the lock of the flow.
    """
    return {step: _move(session, flow_id, number, step, target, now) for step, target in moves.items()}


def _move(session: Session, flow_id: int, number: int, step: str, target: str | None, now: datetime) -> int:
    here = (FlowRun.flow_id == flow_id, FlowRun.step == step, FlowRun.status != RunStatus.ENDED)
    if target is not None:
        _tell(session, here, target, now)
    values: dict[str, Any] = {"version": number, "revision": FlowRun.revision + 1}
    values |= (
        {"status": RunStatus.ENDED}
        if target is None
        else {"step": target, "entered_at": now, "is_moved": True}
    )
    moved: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(FlowRun).where(*here).values(values).execution_options(synchronize_session=False)
    )
    return moved.rowcount


def _tell(session: Session, here: tuple[Any, ...], target: str, now: datetime) -> None:
    """A timer for everybody who is moved; one of an earlier publication that has not come yet is replaced."""
    people = select(FlowRun.bot_id, FlowRun.telegram_id).where(*here, FlowRun.status == RunStatus.WAITING)
    those = people.subquery()
    former = (
        select(Timer.id)
        .join(those, (those.c.bot_id == Timer.bot_id) & (those.c.telegram_id == Timer.chat_id))
        .where(Timer.plugin == PLUGIN, Timer.key == MOVED)
    )
    session.execute(delete(Timer).where(Timer.id.in_(former)).execution_options(synchronize_session=False))
    rows = people.add_columns(
        FlowRun.telegram_id.label("person"),
        literal(PLUGIN),
        literal(MOVED),
        literal(now, Timer.due_at.type),
        literal(now, Timer.ring_at.type),
        literal(0),
        literal({"step": target}, JSON),
        literal({}, JSON),
    )
    columns = [
        "bot_id",
        "chat_id",
        "telegram_id",
        "plugin",
        "key",
        "due_at",
        "ring_at",
        "rings",
        "note",
        "address",
    ]
    session.execute(insert(Timer).from_select(columns, rows))
