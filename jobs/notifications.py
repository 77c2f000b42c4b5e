"""Jobs of notifications. A lost or failing run is followed by the next bell: what is due stays due."""

from __future__ import annotations

from jobs import process
from services.alerts.notifications.sending import deliver_due
from services.core.metrics import TASK_SECONDS, timed


def deliver_notifications() -> None:
    """Send what is due to the destinations; the clock asks for it every two seconds while something is."""
    with timed(TASK_SECONDS, "deliver_notifications"):
        deliver_due(process.platform())
