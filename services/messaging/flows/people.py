"""Taking a person over from their flow, leaving them to it again, and putting them at a step.

The flow itself is played in the lane of the person's chat alone: whatever is to be said or begun goes there as a timer of
the plugin that is due at once, so it is in order with what the person does, and happens once (ADR 60, 61).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from models import FlowRun
from plugins.flows.run import PUT, RELEASE, RunStatus
from services.core.times import utc_now
from services.fleet.flows.users import PLUGIN
from services.messaging.flows.entrances import Entrance
from services.messaging.timers.rows import TimerChange, write_timers

MOST_AT_ONCE = 1000  # people put at a step by one call


def pause_run(
    session: Session, bot_id: int, telegram_id: int, until: datetime | None, *, may_shorten: bool = True
) -> bool:
    """Have the person's flow rest while people speak with them, until `release_run`, or `until`; in the caller's transaction.

    False when they are in no flow, or in one that has ended: nothing rests then, and what keeps their taps from beginning one is
    `taken_over_until` of their conversation. Pausing again changes the moment; without `may_shorten` only to a later one, and a
    rest without an end, such as a flow's own handover, stays one: False too.
    """
    return bool(pause_runs(session, {(bot_id, telegram_id): until}, may_shorten=may_shorten))


def pause_runs(
    session: Session, untils: Mapping[tuple[int, int], datetime | None], *, may_shorten: bool = True
) -> int:
    """The same of many people, each (bot, Telegram id) with the moment, at once: first all runs, then all timers, each in one
    order, so that nobody waits in a circle. How many rest."""
    paused = [each for each in sorted(untils) if _pause(session, *each, untils[each], may_shorten)]
    write_timers(session, [_timer(*each, RELEASE, untils[each]) for each in paused])
    return len(paused)


def release_run(session: Session, bot_id: int, telegram_id: int) -> bool:
    """Leave the person to the flow again, as soon as the timers ring; False when it does not rest."""
    query = select(FlowRun.id).where(
        FlowRun.bot_id == bot_id, FlowRun.telegram_id == telegram_id, FlowRun.status == RunStatus.PAUSED
    )
    if session.scalar(query.with_for_update()) is None:
        return False
    write_timers(session, [_timer(bot_id, telegram_id, RELEASE, utc_now())])
    return True


def start_flow(
    session: Session,
    people: Iterable[tuple[int, int]],
    flow: str,
    step: str | None = None,
    *,
    entrance: Entrance | None = None,
) -> int:
    """Put people, each (bot, Telegram id), at the start of the flow with this key, or at `step`; how many. In the caller's
    transaction, and then as soon as the timers ring.

    Whatever flow they are in ends, one that rests included. A bot without the plugin `flow` waits until it has it. `entrance` says
    which broadcast puts them there, whose ledger hears what comes of it. ValueError for more than a thousand people.
    """
    now = utc_now()
    note = {"flow": flow, "step": step, **({} if entrance is None else entrance.noted())}
    key = PUT if entrance is None else entrance.key
    wanted = [_timer(bot_id, person, key, now, note) for bot_id, person in dict.fromkeys(people)]
    if len(wanted) > MOST_AT_ONCE:
        raise ValueError(f"at most {MOST_AT_ONCE} people at once")
    write_timers(session, wanted)
    return len(wanted)


def _pause(
    session: Session, bot_id: int, telegram_id: int, until: datetime | None, may_shorten: bool
) -> bool:
    mine = [FlowRun.bot_id == bot_id, FlowRun.telegram_id == telegram_id]
    if not may_shorten:
        mine.append(or_(FlowRun.status != RunStatus.PAUSED, FlowRun.paused_until < until))
    paused: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        update(FlowRun)
        .where(*mine, FlowRun.status != RunStatus.ENDED)
        .values(status=RunStatus.PAUSED, paused_until=until, revision=FlowRun.revision + 1)
        .execution_options(synchronize_session=False)
    )
    return bool(paused.rowcount)


def _timer(bot_id: int, person: int, key: str, due_at: datetime | None, note: Any = None) -> TimerChange:
    return TimerChange(bot_id, PLUGIN, person, key, due_at, person, note)
