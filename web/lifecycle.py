"""What each web process runs beside its requests: listeners, heartbeat, replay of spooled clicks.

A part appends a function to STARTERS when it is imported; gunicorn calls `start_background` once in every worker
process, after the application was loaded. Neither `create_app` nor a test starts anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

# Each starts its threads (greenlets in the web process) and returns at once; called in this order.
ON_WORKER_START: list[Callable[[Flask], None]] = []


def start_background(app: Flask) -> None:
    """Start all background parts of this process."""
    for start in ON_WORKER_START:
        start(app)
