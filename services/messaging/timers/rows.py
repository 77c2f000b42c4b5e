"""Rows of timers: what handlers wished for, written with all else that came of an update, and the one that was handled taken away.

Whatever is set anew is a new row with a number of its own, so an update that was made for the former one finds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, insert, select
from sqlalchemy.orm import Session

from models import Timer
from plugins.context import Context
from services.platform.database import among

KEPT_OF_ADDRESS = ("message_thread_id", "direct_messages_topic_id", "business_connection_id")
PLACE = (Timer.bot_id, Timer.plugin, Timer.chat_id, Timer.key)
AT_ONCE = 200  # keys in one statement: SQLite takes 32,766 values, and plans long lists slowly


@dataclass(frozen=True)
class TimerChange:
    """A timer to be set to `due_at`, or to be forgotten where that is None."""

    bot_id: int
    plugin: str
    chat_id: int
    key: str
    due_at: datetime | None = None
    telegram_id: int = 0
    note: Any = None
    address: dict[str, Any] | None = None

    @property
    def place(self) -> tuple[int, str, int, str]:
        """What it is told apart by."""
        return self.bot_id, self.plugin, self.chat_id, self.key


def wished_by(ctx: Context) -> list[TimerChange]:
    """What the handlers of this update want done with timers."""
    address = {name: value for name, value in vars(ctx.address).items() if value and name in KEPT_OF_ADDRESS}
    return [
        TimerChange(
            ctx.bot.id,
            wish.plugin,
            ctx.chat_id,
            wish.key,
            None if wish.seconds is None else ctx.now + timedelta(seconds=wish.seconds),
            ctx.lead.telegram_id,
            wish.note,
            address,
        )
        for wish in ctx.effects.timers.values()
    ]


def held_timers(session: Session, which: ColumnElement[bool]) -> dict[int, int]:
    """Those of these timers that are there, by number with their bots, nobody else's until the transaction ends.

    Always in one order, so that nobody waits in a circle: a DELETE takes its rows as it finds them. On SQLite there is one writer
    at a time.
    """
    query = select(Timer.id, Timer.bot_id).where(which).order_by(*PLACE).with_for_update()
    return dict(session.execute(query).all())


def write_timers(session: Session, changes: Sequence[TimerChange]) -> None:
    """Make the changes in the caller's transaction; of one place only one."""
    ordered = sorted(changes, key=lambda change: change.place)
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        there = among(session, PLACE, [change.place for change in some])
        if session.get_bind().dialect.name != "sqlite":
            held_timers(session, there)
        session.execute(delete(Timer).where(there).execution_options(synchronize_session=False))
    rows = [_row(change) for change in ordered if change.due_at is not None]
    if rows:
        session.execute(insert(Timer), rows)


def has_timer(session: Session, bot_id: int, timer_id: int) -> bool:
    """Whether a timer is still to be handled."""
    mine = select(Timer.id).where(Timer.id == timer_id, Timer.bot_id == bot_id)
    return session.scalar(mine) is not None


def take_timers(session: Session, timers: Collection[tuple[int, int]]) -> int:
    """Take away timers whose updates are handled, each named by its bot and number; how many were there still."""
    mine = delete(Timer).where(among(session, (Timer.bot_id, Timer.id), sorted(timers)))
    done: CursorResult[Any] = session.execute(mine.execution_options(synchronize_session=False))  # type: ignore[assignment]
    return int(done.rowcount)


def _row(change: TimerChange) -> dict[str, Any]:
    return {
        "bot_id": change.bot_id,
        "plugin": change.plugin,
        "chat_id": change.chat_id,
        "telegram_id": change.telegram_id,
        "key": change.key,
        "due_at": change.due_at,
        "ring_at": change.due_at,
        "rings": 0,
        "note": change.note,
        "address": change.address or {},
    }
