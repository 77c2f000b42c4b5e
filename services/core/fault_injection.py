"""Named points at which a process under test dies as by kill -9 (`CRASH_AT`), between two steps that belong together."""

from __future__ import annotations

import os
import signal
from enum import StrEnum


class CrashPoint(StrEnum):
    """Where a crash proves something: what was done before it must stand, what comes after must be made up for."""

    NOWHERE = ""
    INTAKE_AFTER_APPEND = "intake.after_append"  # the update is in its lane, Telegram got no 200
    DRAIN_BEFORE_COMMIT = "drain.before_commit"  # handlers ran, nothing they wanted is written
    TIMERS_BEFORE_APPEND = (
        "timers.before_append"  # due timers are on record as rung, their updates in no lane
    )
    SEND_BEFORE_HTTP = "send.before_http"  # the message is on record as in flight, nothing left
    SEND_AFTER_HTTP = "send.after_http"  # Telegram has it, the outbox still has it too


def crash_point_reached(point: CrashPoint, wanted: CrashPoint) -> None:
    """End the process without any clean-up when `point` is `wanted`."""
    if point is wanted:
        os.kill(os.getpid(), signal.SIGKILL)
