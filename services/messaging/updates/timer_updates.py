"""What becomes of the row of a timer whose update is not handled like others: kept out, given up, replayed."""

from __future__ import annotations

import json
from typing import Any, Final

from models import AccessList, RecipientStatus
from plugins.timers import TIMER_FIRED
from services.alerts.dead_letters.replay_id import replay_of
from services.core.metrics import TIMERS
from services.messaging.broadcasts.entrances import take_entrance
from services.messaging.broadcasts.outcomes import Outcome
from services.messaging.limits.admission import actor_of
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.messaging.timers.own_update import timer_of
from services.messaging.updates.queued_update import QueuedUpdate
from services.platform.platform import Platform

SKIPPED: Final = Outcome(RecipientStatus.SKIPPED, "kept_out")
FAILED: Final = Outcome(RecipientStatus.FAILED, "handler_failed")


class TimerUpdates:
    """Takes rows of timers away where no handler does. Raises Unavailable when the database is away."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    @staticmethod
    def taken_with(update: dict[str, Any], queued: QueuedUpdate) -> int:
        """The timer that goes with the handling of an update; 0 for none. That of a replayed one went when it was given up."""
        return 0 if replay_of(queued.request_id, "update") else timer_of(update)

    @staticmethod
    def waits(behaviour: Behaviour, update: dict[str, Any]) -> bool:
        """Whether an update is of a timer whose plugin could not be set up: it may work when it is rung for again."""
        return bool(timer_of(update)) and update[TIMER_FIRED].get("plugin") in behaviour.problems

    def note_refused(self, behaviour: Behaviour, update: dict[str, Any]) -> None:
        """Nothing is said to whom the owner has blocked for good; whoever else is kept out now may be let in when it rings
        again, as somebody whose block ends."""
        timer, person = timer_of(update), actor_of(update)
        if timer and person and behaviour.access.lists.has_for_good(AccessList.BLOCKED, person):
            self._take(behaviour.bot.id, timer, SKIPPED)

    def drop(self, queued: QueuedUpdate) -> None:
        """The update is a dead letter by now: it is not rung for again."""
        if f'"{TIMER_FIRED}"' not in queued.update:
            return
        try:
            update = json.loads(queued.update)
        except (ValueError, RecursionError):
            return
        timer = timer_of(update) if isinstance(update, dict) else 0
        if timer:
            self._take(queued.bot_id, timer, FAILED)

    def _take(self, bot_id: int, timer: int, outcome: Outcome) -> None:
        """Take it away; the ledger of a broadcast that put somebody at a step by it hears the outcome."""
        with self._platform.database.transaction() as session:
            if take_entrance(session, bot_id, timer, outcome):
                TIMERS.labels("handled").inc()
