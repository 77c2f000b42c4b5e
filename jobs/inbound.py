"""RQ's side of updates."""

from __future__ import annotations

from jobs import process
from services.updates.given_up import store_given_up


def drain_lane(lane: int) -> None:
    """Work off the updates waiting in one lane."""
    process.inbound().drain(lane)


def store_dead_letters() -> None:
    """Make rows of the bodies that were given up at the door."""
    store_given_up(process.platform())
