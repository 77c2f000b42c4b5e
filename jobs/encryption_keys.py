"""The jobs of encryption keys: re-sealing, of which each stretch queues the next, and the reminder of rotation."""

from __future__ import annotations

from jobs.process import platform
from services.operations.keys import reminder
from services.operations.keys.resealing import go_on_resealing


def reseal() -> None:
    """Seal anew, under the newest key, what an older one sealed."""
    go_on_resealing(platform())


def remind_of_rotation() -> None:
    """Tell administrators of an old key."""
    reminder.remind_of_rotation(platform())
