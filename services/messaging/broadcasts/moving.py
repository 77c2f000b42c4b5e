"""The ways of a broadcast from state to state; nothing else sets its status."""

from __future__ import annotations

from typing import Final

from models import Broadcast
from services.core.errors import Conflict
from services.core.i18n import N_, Text
from services.core.states import BROADCAST_MOVES, BroadcastStatus
from services.core.times import utc_now

ENDS: Final = frozenset({BroadcastStatus.DONE, BroadcastStatus.STOPPED})
WORDS: Final = {
    BroadcastStatus.DRAFT: N_("a draft"),
    BroadcastStatus.SCHEDULED: N_("scheduled"),
    BroadcastStatus.PREPARING: N_("being prepared"),
    BroadcastStatus.RUNNING: N_("running"),
    BroadcastStatus.PAUSED: N_("paused"),
    BroadcastStatus.BRAKED: N_("stopped by its brake"),
    BroadcastStatus.DONE: N_("done"),
    BroadcastStatus.STOPPED: N_("stopped"),
}


def may_move(broadcast: Broadcast, to: BroadcastStatus) -> bool:
    """Whether the broadcast can go there from where it stands."""
    return to in BROADCAST_MOVES[BroadcastStatus(broadcast.status)]


def move(broadcast: Broadcast, to: BroadcastStatus, cause: str = "") -> None:
    """Go there, in the caller's transaction, with the row locked. Raises Conflict `broadcast_state`."""
    if not may_move(broadcast, to):
        raise Conflict(
            Text(
                "This broadcast is {status}, and can't become {wanted}",
                status=Text(WORDS[BroadcastStatus(broadcast.status)]),
                wanted=Text(WORDS[to]),
            ),
            code="broadcast_state",
        )
    broadcast.status = to
    broadcast.cause = cause
    if to in ENDS:
        broadcast.ended_at = utc_now()
