"""The ways of a broadcast from state to state; nothing else sets its status."""

from __future__ import annotations

from typing import Final

from models import Broadcast
from services.core.errors import Conflict
from services.core.i18n import Text
from services.core.states import BROADCAST_MOVES, BroadcastStatus
from services.core.times import utc_now

ENDS: Final = frozenset({BroadcastStatus.DONE, BroadcastStatus.STOPPED})
WORDS: Final = {
    BroadcastStatus.DRAFT: Text("a draft"),
    BroadcastStatus.SCHEDULED: Text("scheduled"),
    BroadcastStatus.PREPARING: Text("being prepared"),
    BroadcastStatus.RUNNING: Text("running"),
    BroadcastStatus.PAUSED: Text("paused"),
    BroadcastStatus.BRAKED: Text("stopped by its brake"),
    BroadcastStatus.DONE: Text("done"),
    BroadcastStatus.STOPPED: Text("stopped"),
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
                status=WORDS[BroadcastStatus(broadcast.status)],
                wanted=WORDS[to],
            ),
            code="broadcast_state",
        )
    broadcast.status = to
    broadcast.cause = cause
    if to in ENDS:
        broadcast.ended_at = utc_now()
