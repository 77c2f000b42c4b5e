"""Jobs of postbacks. A lost or failing run is followed by the next bell: what is due stays due."""

from __future__ import annotations

from jobs import process
from services.core.metrics import TASK_SECONDS, timed
from services.traffic.postbacks.sending import send_due


def send_postbacks() -> None:
    """Send what is due; the clock asks for it every two seconds while something is."""
    with timed(TASK_SECONDS, "send_postbacks"):
        send_due(process.platform())
