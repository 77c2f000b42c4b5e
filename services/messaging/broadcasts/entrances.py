"""The moment at which somebody of a ledger enters a step of a flow: in the lane of their chat, by the timer that the claim set.

The timer's row is what makes it happen once. Who is claimed has one; the handling of its update takes it away in the transaction
that moves the person; whoever else takes it away, because the broadcast was paused or the step is gone, says in the same
transaction what that means for the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import (
    Broadcast,
    BroadcastRecipient,
    BroadcastStatus,
    Conversation,
    FlowRun,
    RecipientStatus,
    RunStatus,
    Timer,
)
from plugins.timers import TIMER_FIRED
from services.core.times import utc_now
from services.messaging.broadcasts import ledger
from services.messaging.broadcasts.outcomes import Outcome
from services.messaging.flows.entrances import Entrance, entrance_of
from services.messaging.plugin_runtime.flow_runs import in_force
from services.messaging.plugin_runtime.flow_shelf import shelf_of
from services.messaging.timers.own_update import timer_of
from services.messaging.timers.rows import take_timers
from services.platform.platform import Platform
from services.platform.redis import broadcast_keys

HANDED_BACK: Final = Outcome(RecipientStatus.WAITING)
NOT_OURS: Final = Outcome(RecipientStatus.SKIPPED, "settled")  # the ledger settled it already: that stands
WITH_PEOPLE: Final = Outcome(RecipientStatus.SKIPPED, "with_people")
STEP_GONE: Final = Outcome(RecipientStatus.SKIPPED, "step_gone")
SILENT: Final = Outcome(RecipientStatus.SKIPPED, "step_silent")


class Entrances:
    """Decides who enters. Raises Unavailable and RedisError, upon which the update is tried again."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def lets_in(self, bot_id: int, update: dict[str, Any]) -> bool:
        """Whether an update is to be handled: any but that of a broadcast which rests or is over, of somebody who speaks with people, or
        of a step that is gone. What became of them instead is in the ledger then.
        """
        entrance = entrance_of(update)
        if entrance is None:
            return True
        is_halted = bool(self._platform.redis.exists(broadcast_keys.halted(entrance.broadcast_id)))
        with self._platform.database.reading() as session:
            against = self._against(session, bot_id, update, entrance, is_halted)
        if against is None:
            return True
        with self._platform.database.transaction() as session:
            timer = timer_of(update)
            # Gone already: handled, by a process that died before it said so; what came of it is made real.
            return not take_entrance(session, bot_id, timer, against)

    def note_silence(self, bot_id: int, update: dict[str, Any]) -> None:
        """The step was entered, and said nothing of which the ledger could hear."""
        entrance = entrance_of(update)
        if entrance is not None:
            with self._platform.database.transaction() as session:
                _settle(session, entrance, bot_id, _person(update), SILENT)

    def _against(
        self, session: Session, bot_id: int, update: dict[str, Any], entrance: Entrance, is_halted: bool
    ) -> Outcome | None:
        person, note = _person(update), update[TIMER_FIRED]["note"]
        query = (
            select(Broadcast.status, BroadcastRecipient.status)
            .join(BroadcastRecipient, BroadcastRecipient.broadcast_id == Broadcast.id)
            .where(Broadcast.id == entrance.broadcast_id, BroadcastRecipient.telegram_id == person)
        )
        found = session.execute(query).one_or_none()
        if found is None or found[1] != RecipientStatus.QUEUED:
            return NOT_OURS
        if is_halted or found[0] != BroadcastStatus.RUNNING:
            return HANDED_BACK
        if _is_with_people(session, bot_id, person):
            return WITH_PEOPLE
        flow = in_force(session, shelf_of(self._platform.database), bot_id, key=str(note.get("flow")))
        return STEP_GONE if flow is None or flow.resolve(str(note.get("step"))) is None else None


def take_entrance(session: Session, bot_id: int, timer: int, outcome: Outcome) -> bool:
    """Take a timer away that is not handled; if a broadcast set it, its ledger hears why. False when the timer is gone already.

    In the caller's transaction. The broadcast is locked first, as everywhere.
    """
    found = session.execute(
        select(Timer.plugin, Timer.note, Timer.telegram_id).where(Timer.id == timer, Timer.bot_id == bot_id)
    ).one_or_none()
    entrance = None if found is None else Entrance.read(found.plugin, found.note)
    if entrance is not None:
        session.get(Broadcast, entrance.broadcast_id, with_for_update=True)
    if not take_timers(session, [(bot_id, timer)]):
        return False
    if found is not None and entrance is not None:
        _settle(session, entrance, bot_id, found.telegram_id, outcome)
    return True


def _settle(session: Session, entrance: Entrance, bot_id: int, person: int, outcome: Outcome) -> None:
    broadcast = session.get(Broadcast, entrance.broadcast_id, with_for_update=True)
    if broadcast is not None:
        ledger.settle(session, broadcast, {person: outcome})


def _is_with_people(session: Session, bot_id: int, person: int) -> bool:
    """Whether people speak with them now: their flow rests, or an operator has taken them over."""
    rests = select(FlowRun.id).where(
        FlowRun.bot_id == bot_id, FlowRun.telegram_id == person, FlowRun.status == RunStatus.PAUSED
    )
    taken_over = select(Conversation.id).where(
        Conversation.bot_id == bot_id,
        Conversation.telegram_id == person,
        Conversation.taken_over_until > utc_now(),
    )
    return session.scalar(rests) is not None or session.scalar(taken_over) is not None


def _person(update: Mapping[str, Any]) -> int:
    return int((update[TIMER_FIRED].get("from") or {}).get("id", 0))
