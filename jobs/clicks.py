"""Jobs of clicks. A failing run is simply followed by the next bell: nothing is acknowledged that is not a row."""

from __future__ import annotations

from jobs.process import platform
from services.traffic.clicks.flush import flush


def flush_clicks() -> None:
    """Bring waiting clicks to the database; the clock asks for it every second while some wait."""
    flush(platform())
