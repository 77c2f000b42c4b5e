"""Jobs of health: the sweep, and one bot at once. Both may run twice or be lost without harm."""

from __future__ import annotations

from jobs import process
from services.core.metrics import TASK_SECONDS, timed
from services.fleet.health import clicked_bots, conversion_signal, sweep


def sweep_health() -> None:
    """Check all bots that are due, unless a sweep has just been made: calls pile up while no worker runs."""
    platform = process.platform()
    age = sweep.last_sweep_age(platform)
    if age is None or age > platform.settings.health_interval_seconds / 2:
        with timed(TASK_SECONDS, "sweep_health"):
            sweep.sweep(platform)


def check_bot(bot_id: int) -> None:
    """Check one bot now."""
    with timed(TASK_SECONDS, "check_bot"):
        sweep.check_bot(process.platform(), bot_id)


def look_at_clicked() -> None:
    """Look at the bots that visitors are being sent to, unless another process is at it."""
    with timed(TASK_SECONDS, "look_at_clicked"):
        clicked_bots.check_clicked_bots(process.platform())


def judge_members() -> None:
    """Look at conversion and delivery of all members, unless another process is at it."""
    with timed(TASK_SECONDS, "judge_members"):
        conversion_signal.evaluate_conversion(process.platform())
