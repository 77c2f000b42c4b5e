"""Have what blocks let other greenlets run. A process calls this before it imports anything else."""

from __future__ import annotations

from typing import Any

from gevent import events, monkey


def patch() -> None:
    """`monkey.patch_all()`, without gevent's question which installed package wants a say in it.

    It asks 26 times, and for each answer reads what every installed package says of itself: 0.2 s of CPU of a start.
    """
    told: Any = events
    ask = told.notify_and_call_entry_points
    told.notify_and_call_entry_points = told.notify
    try:
        monkey.patch_all()
    finally:
        told.notify_and_call_entry_points = ask
