"""The dead-man's switch: the workers watch whether anything still sweeps, as the clock cannot report its own death.

With no worker either, `/health/ready` and the banner in the panel say so; nobody is left who could send.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from redis import RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, Notification, PoolBot
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.alerts.notifications.sending import wake_if_due
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.fleet.health.gaps import longest_silence
from services.fleet.health.sweep import last_report
from services.operations.backup_watchdog import notify_of_backups
from services.operations.dead_letter_watchdog import notify_of_dead_letters
from services.operations.queue_watchdog import notify_of_lag
from services.operations.storage_watchdog import notify_of_storage
from services.operations.switches import tell_of_ends
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
CHECK_INTERVAL_SECONDS: Final = 10.0
NEVER: Final = "never"


class SweepWatchdog:
    """Looks every ten seconds, in a daemon thread, until stopped. Each worker process has one; they agree by rows."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._since = time.time()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, daemon=True, name="sweep-watch").start()

    def stop(self) -> None:
        """End after the present look."""
        self._stopped.set()

    def look(self, now: float) -> None:
        """Raise or end the alarm as of `now` (epoch seconds). Raises RedisError or Unavailable."""
        report = last_report(self._platform)
        age = now - float(report["at"] if report else self._since)
        if age > longest_silence(self._platform.settings).total_seconds():
            _alarm(self._platform, report, age)
        elif report:
            _all_clear(self._platform)

    def _run(self) -> None:
        while not self._stopped.wait(CHECK_INTERVAL_SECONDS):
            try:
                self.look(time.time())
                notify_of_lag(self._platform)
                notify_of_dead_letters(self._platform)
                wake_if_due(self._platform)  # while the clock is dead nobody else rings
                tell_of_ends(self._platform)
                notify_of_storage(self._platform)
                notify_of_backups(self._platform)
            except (RedisError, Unavailable, OSError) as error:
                logger.warning("sweeps cannot be watched: %s", type(error).__name__)


def _alarm(platform: Platform, report: dict[str, Any] | None, age: float) -> None:
    """Tell every account with a member in a pool; the last sweep's time in the key makes it once per silence."""
    silence = f"{float(report['at']):.0f}" if report else f"{NEVER}:{utc_now():%Y-%m-%d}"
    with platform.database.transaction() as session:
        told = _last_told(session)
        for account_id in session.scalars(select(Bot.account_id).join(PoolBot).distinct()).all():
            if told.get(account_id) != Kind.SWEEP_LATE:
                _tell(session, account_id, Kind.SWEEP_LATE, silence, {"seconds": int(age)})


def _all_clear(platform: Platform) -> None:
    with platform.database.reading() as session:
        if Kind.SWEEP_LATE not in _last_told(session).values():
            return
    with platform.database.transaction() as session:
        for account_id, kind in _last_told(session).items():
            if kind == Kind.SWEEP_LATE:
                _tell(session, account_id, Kind.SWEEP_BACK, str(_last_id(session, account_id)), {})


def _last_told(session: Session) -> dict[int, str]:
    """Account id -> the kind it was told last."""
    last = (
        select(func.max(Notification.id))
        .where(Notification.kind.in_([Kind.SWEEP_LATE, Kind.SWEEP_BACK]))
        .group_by(Notification.account_id)
    )
    rows = session.execute(
        select(Notification.account_id, Notification.kind).where(Notification.id.in_(last))
    )
    return {account_id: str(kind) for account_id, kind in rows}


def _last_id(session: Session, account_id: int) -> int:
    return (
        session.scalar(
            select(func.max(Notification.id)).where(
                Notification.account_id == account_id, Notification.kind == Kind.SWEEP_LATE
            )
        )
        or 0
    )


def _tell(session: Session, account_id: int, kind: Kind, about: str, params: dict[str, int]) -> None:
    notify(session, account_id, kind, kind.level, f"{kind}:{account_id}:{about}", params)
