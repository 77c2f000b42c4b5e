"""RQ's side of timers."""

from __future__ import annotations

from jobs import process
from services.messaging.timers.ringing import ring_due


def ring_timers() -> None:
    """Bring the timers that are due into the lanes of their chats."""
    ring_due(process.platform())
