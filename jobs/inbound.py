"""RQ's side of updates."""

from __future__ import annotations

from jobs import process
from services.dead_letters.resending import take_turn
from services.updates.given_up import store_given_up


def drain_lane(lane: int) -> None:
    """Work off the updates waiting in one lane."""
    process.inbound().drain(lane)


def store_dead_letters() -> None:
    """Make rows of the bodies that were given up at the door."""
    store_given_up(process.platform())


def replay_dead_letters(_number: int = 0) -> None:
    """Send the next replays in; the clock asks for it every second while there are some."""
    take_turn(process.platform())
