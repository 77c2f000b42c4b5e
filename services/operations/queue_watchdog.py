"""Telling the administrators that updates wait too long or are turned away."""

from __future__ import annotations

from typing import Final

from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify_administrators
from services.platform.platform import Platform
from services.queueing.backlog import backlogs

LAG_SECONDS: Final = 60.0  # as the panel's banner has it


def notify_of_lag(platform: Platform) -> bool:
    """Notify every administrator, once an hour at most, of the lane that lags most; whether one does.

    Outboxes are left out: bulk messages wait there by design. Raises RedisError or Unavailable.
    """
    full = platform.settings.intake_max_backlog
    late = [
        lane
        for lane in backlogs(platform)
        if lane.queue.startswith("lane:") and (lane.size >= full or (lane.lag_seconds or 0) > LAG_SECONDS)
    ]
    if not late:
        return False
    worst = max(late, key=lambda lane: lane.lag_seconds or 0)
    params = {"queue": worst.queue, "seconds": round(worst.lag_seconds or 0), "waiting": worst.size}
    notify_administrators(platform, Kind.QUEUE_LAG, params)
    return True
