"""What is done about somebody else at a bot's webhook: one repair at once, then an alarm and a repair an hour, no war.

The first time may be a leftover of a former installation, which one repair ends. Whoever takes the webhook again runs a
program that sets it whenever it starts: setting it back at every look would make both lose updates and tell nobody which.
An hour is short enough for a bot to come back by itself once that program has ended. A change by the owner, such as a
restart, begins anew, and so repairs at once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy.orm import Session

from models import Bot
from services.alerts.notifications.kinds import Kind
from services.core.i18n import Text
from services.fleet.bots.status import MINUTE, notify_owner
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
REMEMBERED_SECONDS: Final = 24 * 3600
REPAIR_AGAIN_SECONDS: Final = 3600.0
INCIDENT_SECONDS: Final = 3600.0  # wrong secrets so long after the last ones are another incident
CALLS_PER_SECOND: Final = (
    5.0  # of the guard's rounds: a thousand bots take 200 s of the five minutes between looks
)


class CallPace:
    """Lets through at most so many calls per second, evenly. Thread-safe."""

    def __init__(
        self,
        per_second: float = CALLS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1.0 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for the next call's moment."""
        with self._lock:
            now = self._clock()
            moment = max(now, self._next)
            self._next = moment + self._gap
        self._sleep(moment - now)


def may_repair(platform: Platform, bot: Bot, now: float) -> bool:
    """Whether a webhook that somebody has taken may be set back now (epoch seconds). Raises RedisError."""
    repairs, last = _repairs(platform, bot)
    return repairs == 0 or now - last >= REPAIR_AGAIN_SECONDS


def note_theft(platform: Platform, bot: Bot, host: str, now: float, *, repaired: bool) -> bool:
    """Write into the bot's events that `host` had its webhook, and whether it was set back. Raises RedisError.

    True from the second time in a day on, which the owner is told: updates are being lost to somebody. What stands as it
    was found is written down once.
    """
    logger.warning("bot %s: its webhook had been moved to another host", bot.id)
    name = keys.webhook_repairs(bot.id)
    repairs, last = _repairs(platform, bot)
    is_known = not repaired and platform.redis.hget(name, "left_to") == host
    kept: dict[Any, Any] = {
        "version": bot.config_version,
        "repairs": repairs + repaired,
        "at": now if repaired else last,
    }
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.hset(name, mapping={**kept, "left_to": "" if repaired else host})
        pipe.expire(name, REMEMBERED_SECONDS)
        pipe.execute()
    if is_known:
        return True
    with platform.database.transaction() as session:
        _record(session, bot, "webhook_repaired" if repaired else "webhook_taken", host=host)
        if repairs:
            notify_owner(session, bot, Kind.WEBHOOK_STOLEN, host=host)
    return repairs > 0


def left_to(host: str) -> Text:
    """Why a bot gets nothing while its webhook is left to somebody."""
    return Text(
        "Somebody else's program has taken this bot's webhook ({host}). It is set again once an hour; stop the other program, then restart the bot",
        host=host,
    )


def report_refused(platform: Platform, bot: Bot, now: float) -> None:
    """Tell the owner of a burst of wrong secrets at the bot's webhook, once per incident. Raises RedisError."""
    name = keys.webhook_repairs(bot.id)
    calls, told = platform.redis.hmget(name, ["refused", "refused_told"])
    if calls is None:
        return
    if now - float(told or 0.0) >= INCIDENT_SECONDS:
        with platform.database.transaction() as session:
            _record(session, bot, "webhook_refused", count=int(calls))
            notify_owner(session, bot, Kind.WEBHOOK_REFUSED, once_in=MINUTE, count=str(calls))
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.hset(name, "refused_told", now)
        pipe.hdel(name, "refused")
        pipe.expire(name, REMEMBERED_SECONDS)
        pipe.execute()


def _repairs(platform: Platform, bot: Bot) -> tuple[int, float]:
    """How often the webhook was set back since the owner last changed the bot, and when last (epoch seconds)."""
    version, repairs, at = platform.redis.hmget(keys.webhook_repairs(bot.id), ["version", "repairs", "at"])
    return (int(repairs or 0), float(at or 0.0)) if version == str(bot.config_version) else (0, 0.0)


def _record(session: Session, bot: Bot, kind: str, **details: Any) -> None:
    guard = Principal(bot.account_id, actor="system:guard")
    audit(session, guard, kind, account_id=bot.account_id, bot_id=bot.id, **details)
