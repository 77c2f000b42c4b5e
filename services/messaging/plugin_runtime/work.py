"""What one handling of an update has read of its bot's data and wants written there: collected, committed by whoever handles it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import HandledUpdate
from plugins.context import Context
from plugins.database import checked_tag
from plugins.flows.run import Run
from plugins.goals import GoalWish
from services.messaging.plugin_runtime.flow_runs import Visit
from services.messaging.plugin_runtime.lead_tags import Tagged
from services.messaging.plugin_runtime.plugin_store import Place
from services.messaging.timers.rows import TimerChange
from services.platform.database import among

Handling = tuple[int, int, str]  # bot, update, part


class AlreadyHandled(BaseException):
    """Ends a handler whose update took effect before a crash. No Exception: a plugin's `except` lets it pass."""


@dataclass
class Work:
    """What one handling of an update has read from its bot's stores, and what it wants written there.

    `timer` is the number of the timer that the update is of, 0 for other updates: it goes with the handling. `part` is "" or "error" (what error handlers do). `outcome` is set, sealed, when the update was handled before.
    """

    bot_id: int
    update_id: int
    part: str = ""
    timer: int = 0
    read: dict[Place, str | None] = field(default_factory=dict)
    written: dict[Place, str | None] = field(default_factory=dict)
    tags: dict[Tagged, bool] = field(
        default_factory=dict
    )  # whether it is put on or taken off: the last counts
    goals: set[tuple[int, GoalWish]] = field(
        default_factory=set
    )  # somebody's id at Telegram, what they reached
    timers: list[TimerChange] = field(default_factory=list)
    runs_read: dict[int, int] = field(default_factory=dict)  # person -> revision, 0 for nobody's
    runs_written: dict[int, tuple[Run, tuple[Visit, ...]]] = field(default_factory=dict)
    flows_read: dict[int, int] = field(default_factory=dict)  # flow -> version in force
    handed_over: set[int] = field(default_factory=set)  # people who are to wait in the inbox
    outcome: str | None = None
    is_looked_up: bool = False
    is_over: bool = False  # whoever a handler has left behind writes at once

    @property
    def key(self) -> Handling:
        """What its outcome is found by."""
        return self.bot_id, self.update_id, self.part

    @property
    def writes(self) -> bool:
        """Whether it wants anything written."""
        wanted = (self.written, self.tags, self.goals, self.timers, self.timer, self.runs_written)
        return any(map(bool, wanted))

    def look_up(self, session: Session) -> None:
        """Raise AlreadyHandled when the update's handling is in the database."""
        if not self.is_looked_up:
            self.outcome, self.is_looked_up = outcomes_of(session, [self]).get(self.key), True
        if self.outcome is not None:
            raise AlreadyHandled


_bound: ContextVar[Work | None] = ContextVar("plugin_work", default=None)


@contextmanager
def at(work: Work) -> Iterator[None]:
    """Have what plugins do with their stores in the block belong to `work`."""
    token = _bound.set(work)
    try:
        yield
    finally:
        _bound.reset(token)
        work.is_over = True


def present() -> Work | None:
    """The work of the handling that is going on; None outside of one."""
    work = _bound.get()
    return None if work is None or work.is_over else work


def note_wishes(ctx: Context) -> None:
    """Have what the handler said of the person behind its update written with the rest of its work."""
    work, person = present(), ctx.lead.telegram_id
    if work is None or not person:
        return
    work.tags.update(((person, checked_tag(tag)), False) for tag in ctx.effects.untagged)
    work.goals.update((person, wish) for wish in ctx.effects.goals)


def outcomes_of(session: Session, works: Iterable[Work]) -> dict[Handling, str]:
    """What came of those updates that were handled before, and wrote something, sealed."""
    key = (HandledUpdate.bot_id, HandledUpdate.update_id, HandledUpdate.part)
    query = select(
        HandledUpdate.bot_id, HandledUpdate.update_id, HandledUpdate.part, HandledUpdate.sealed_outcome
    )
    found = session.execute(query.where(among(session, key, [work.key for work in works])))
    return {(bot_id, update_id, part): sealed for bot_id, update_id, part, sealed in found}
