"""The switches that are on, in the memory of a process: whoever handles a click, an update or a send reads it there.

The database is the truth. It is read by a thread of the board alone: when a change is announced, and every REFRESH_SECONDS,
so that a change reaches every process without Redis too. While the database is away the last known state holds. A switch
is over when its time is, whether anybody was told or not.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Switch
from services.core.errors import Unavailable
from services.core.times import iso, utc_now
from services.platform.database import Database
from services.platform.redis.changes import Changes, Topic

logger = logging.getLogger(__name__)
REFRESH_SECONDS: Final = 10.0  # without Redis a change is known everywhere after so long
RETRY_SECONDS: Final = 1.0  # while the database is away


class SwitchName(StrEnum):
    """What can be switched for the whole installation. The words are kept in rows: never rename one."""

    LIMITS = "limits"  # value: the factor that all limits of people are multiplied by
    COOLDOWN = "cooldown"  # value: seconds between two uses, at least
    MAINTENANCE = "maintenance"  # value: what people are told, "" for the words of the house
    ALLOW_LIST = "allow_list"  # value: the ids of the only people who are answered
    TELEGRAM_NETWORK = "telegram_network"
    CAPTCHA = "captcha"
    BULK_PAUSE = "bulk_pause"


@dataclass(frozen=True)
class ActiveSwitch:
    """A switch that is on until `ends_at`, in epoch seconds."""

    name: SwitchName
    value: Any
    ends_at: float

    @property
    def until(self) -> str:
        """Its end in ISO 8601."""
        return iso(datetime.fromtimestamp(self.ends_at, UTC))


def active_rows(session: Session, now: datetime) -> dict[SwitchName, Switch]:
    """The rows that hold at `now`; of each name the newest. Names of a newer release are left out."""
    rows = session.scalars(
        select(Switch).where(Switch.ends_at > now, Switch.ended_at.is_(None)).order_by(Switch.id)
    )
    return {SwitchName(row.name): row for row in rows if row.name in set(SwitchName)}


class Switchboard:
    """The switches of one process. Creating it does no I/O; without `start` it knows what `refresh` read last.

    Whoever reads asks nobody: neither Redis nor the database. Thread-safe.
    """

    def __init__(
        self, database: Database, changes: Changes, *, refresh_seconds: float = REFRESH_SECONDS
    ) -> None:
        self._database = database
        self._changes = changes
        self._refresh_seconds = refresh_seconds
        self._known: Mapping[SwitchName, ActiveSwitch] = {}
        self._stale = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._users = 0

    def start(self) -> None:
        """Keep the board as fresh as the database, until as many `stop`s as `start`s were called."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
        self._try_to_refresh()  # what is on holds from the first update or click
        self._changes.subscribe(self._on_change)
        self._stopped = threading.Event()
        threading.Thread(target=self._follow, args=(self._stopped,), daemon=True, name="switches").start()

    def stop(self) -> None:
        """End what `start` began, if nobody else needs it."""
        with self._lock:
            self._users = max(0, self._users - 1)
            if self._users:
                return
        self._changes.unsubscribe(self._on_change)
        self._stopped.set()
        self._stale.set()

    def refresh(self) -> None:
        """Read the database now. Raises Unavailable, and then knows what it knew."""
        with self._database.reading() as session:
            rows = active_rows(session, utc_now())
        self._known = {
            name: ActiveSwitch(name, rows[name].value, rows[name].ends_at.timestamp())
            for name in SwitchName
            if name in rows
        }

    def active(self) -> list[ActiveSwitch]:
        """What is on now, in the order of `SwitchName`."""
        now = time.time()
        return [switch for switch in self._known.values() if switch.ends_at > now]

    def value_of(self, name: SwitchName) -> Any | None:
        """The value of a switch that is on; None when it is off."""
        switch = self._known.get(name)
        return None if switch is None or switch.ends_at <= time.time() else switch.value

    def is_on(self, name: SwitchName) -> bool:
        """Whether a switch is on."""
        return self.seconds_left(name) > 0

    def seconds_left(self, name: SwitchName) -> float:
        """How long a switch stays on, 0 when it is off."""
        switch = self._known.get(name)
        return 0.0 if switch is None else max(0.0, switch.ends_at - time.time())

    def lowered(self, limit: int) -> int:
        """A limit of people's as it holds now: at least one use; 0, which stands for no limit, stays."""
        factor = self.value_of(SwitchName.LIMITS)
        return limit if factor is None or not limit else max(1, int(limit * factor))

    def _on_change(self, topic: Topic, _identity: int) -> None:
        if topic in (Topic.SWITCHES, Topic.ANY):
            self._stale.set()

    def _follow(self, stopped: threading.Event) -> None:
        pause = self._refresh_seconds
        while True:
            self._stale.wait(pause)
            self._stale.clear()
            if stopped.is_set():
                return
            pause = self._refresh_seconds if self._try_to_refresh() else RETRY_SECONDS

    def _try_to_refresh(self) -> bool:
        try:
            self.refresh()
        except Unavailable as error:
            logger.warning("switches stay as they were last known: %s", error)
            return False
        return True
