"""RQ's side of updates."""

from __future__ import annotations

from jobs import process
from services.messaging.replay.resending import take_turn
from services.messaging.updates.rejected_bodies import store_rejected_bodies


def drain_lane(lane: int) -> None:
    """Work off the updates waiting in one lane."""
    process.update_consumers().consume(lane)


def store_dead_letters() -> None:
    """Make rows of the bodies that were given up at the door."""
    store_rejected_bodies(process.platform())


def replay_dead_letters(_number: int = 0) -> None:
    """Send the next replays in; the clock asks for it every second while there are some."""
    take_turn(process.platform())
