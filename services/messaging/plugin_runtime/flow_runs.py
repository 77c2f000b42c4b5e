"""Rows of people in flows: read with their revision, written in the transaction of the update that moved them (ADR 61)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.orm import Session

from models import Bot, Flow, FlowRun, FlowVisit
from plugins.flows.run import FlowInForce, Run, RunStatus
from services.core.times import utc_now
from services.messaging.plugin_runtime.flow_shelf import FlowShelf
from services.platform.database import among, insert_of

PersonOfBot = tuple[int, int]  # bot, Telegram id
Visit = tuple[int, str]  # flow, step

# As tables, with the rows as parameters: statements that are compiled once, whatever the number of rows.
RUNS: Final[Any] = FlowRun.__table__
VISITS: Final[Any] = FlowVisit.__table__
_PERSON: Final = ("bot_id", "telegram_id")
_PLACE_OF_VISIT: Final = (*_PERSON, "flow_id", "step")
_MOVE: Final = (
    update(RUNS)
    .where(*(RUNS.c[name] == bindparam(f"new_{name}") for name in _PERSON))
    .values({name: bindparam(f"new_{name}") for name in RUNS.c.keys() if name not in ("id", *_PERSON)})  # noqa: SIM118
)


def in_force(
    session: Session, shelf: FlowShelf, bot_id: int, *, key: str | None = None, flow_id: int | None = None
) -> FlowInForce | None:
    """The flow of the bot's account that is named, in the version that bots play now; None where there is none."""
    query = select(Flow.id, Flow.published).join(Bot, Bot.account_id == Flow.account_id)
    query = query.where(Bot.id == bot_id, Flow.key == key if key is not None else Flow.id == flow_id)
    found = session.execute(query).one_or_none()
    if found is None or found.published is None:
        return None
    return shelf.in_force(session, found.id, found.published)


def is_of_account(session: Session, bot_id: int, flow_id: int) -> bool:
    """Whether a flow is of the bot's account."""
    query = select(Flow.id).join(Bot, Bot.account_id == Flow.account_id)
    return session.scalar(query.where(Bot.id == bot_id, Flow.id == flow_id)) is not None


def read_run(session: Session, bot_id: int, telegram_id: int) -> Run | None:
    """Where a person stands; None for one who is in no flow of the bot."""
    query = select(FlowRun).where(FlowRun.bot_id == bot_id, FlowRun.telegram_id == telegram_id)
    row = session.scalars(query).one_or_none()
    if row is None:
        return None
    return Run(
        row.flow_id,
        row.version,
        row.step,
        RunStatus(row.status),
        row.entered_at,
        row.started_at,
        row.paused_until,
        dict(row.variables),
        frozenset(row.goals),
        row.is_moved,
        row.handed_over,
        row.revision,
    )


def lock_runs(session: Session, people: Iterable[PersonOfBot]) -> dict[PersonOfBot, int]:
    """The revisions of these people's rows, held until the transaction ends; always in one order."""
    wanted = sorted(set(people))
    if not wanted:
        return {}
    query = select(FlowRun.bot_id, FlowRun.telegram_id, FlowRun.revision)
    query = query.where(among(session, (FlowRun.bot_id, FlowRun.telegram_id), wanted))
    rows = session.execute(query.order_by(FlowRun.bot_id, FlowRun.telegram_id).with_for_update())
    return {(bot_id, telegram_id): revision for bot_id, telegram_id, revision in rows}


def lock_numbers(session: Session, flow_ids: Iterable[int]) -> dict[int, int]:
    """The versions in force of these flows, which nobody can publish anew until the transaction ends."""
    wanted = sorted(set(flow_ids))
    if not wanted:
        return {}
    query = select(Flow.id, Flow.published).where(Flow.id.in_(wanted)).order_by(Flow.id)
    return {flow_id: number or 0 for flow_id, number in session.execute(query.with_for_update(read=True))}


@dataclass(frozen=True)
class Move:
    """Where a person stands by now, and which steps they reached."""

    bot_id: int
    telegram_id: int
    run: Run
    visited: Collection[Visit]


def write_runs(session: Session, moves: Sequence[Move]) -> None:
    """Write these moves, one per person, in a handful of statements; whoever calls has compared the revisions."""
    rows = [_row(move) for move in moves]
    met = [row for row, move in zip(rows, moves, strict=True) if move.run.revision]
    new = [row for row, move in zip(rows, moves, strict=True) if not move.run.revision]
    connection = session.connection()
    if met:
        connection.execute(_MOVE, [{f"new_{name}": value for name, value in row.items()} for row in met])
    if new:
        connection.execute(plain_insert(RUNS), new)
    _count_visits(session, moves)


def _row(move: Move) -> dict[str, Any]:
    run = move.run
    return {
        "bot_id": move.bot_id,
        "telegram_id": move.telegram_id,
        "flow_id": run.flow_id,
        "version": run.version,
        "step": run.step,
        "status": run.status,
        "entered_at": run.entered_at,
        "started_at": run.started_at,
        "paused_until": run.paused_until,
        "variables": dict(run.variables),
        "goals": sorted(run.goals),
        "is_moved": run.is_moved,
        "handed_over": run.handed_over,
        "revision": run.revision + 1,
    }


def _count_visits(session: Session, moves: Sequence[Move]) -> None:
    counted = Counter((move.bot_id, move.telegram_id, *visit) for move in moves for visit in move.visited)
    if not counted:
        return
    now = utc_now()
    rows = [
        {**dict(zip(_PLACE_OF_VISIT, place, strict=True)), "first_at": now, "last_at": now, "times": times}
        for place, times in sorted(counted.items())
    ]
    statement = insert_of(session, VISITS)
    again = {"last_at": statement.excluded.last_at, "times": VISITS.c.times + statement.excluded.times}
    statement = statement.on_conflict_do_update(index_elements=_PLACE_OF_VISIT, set_=again)
    session.connection().execute(statement, rows)
