"""Who a bot met: starts and leads, written before the update is acknowledged (U5), and only when there is news."""

from __future__ import annotations

import threading
from collections import OrderedDict

from models import Bot
from plugins.context import Context
from services.clicks.attribution import TelegramUser, record_start, touch_lead
from services.platform import Platform
from services.times import utc_now

REMEMBERED = 100_000  # (bot, person) pairs per process known to have a row: about 10 MB


class Contacts:
    """Writes starts and first contacts; remembers who needs no write any more. Rows are idempotent by update."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._met: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._lock = threading.Lock()

    def met(self, bot_id: int, update_id: int, user: TelegramUser, payload: str | None) -> str:
        """Note that `user` wrote to the bot; `payload` is that of a /start, else None. Returns the start parameter.

        Raises Unavailable when the database is away.
        """
        known = (bot_id, user.id)
        if payload is None and known in self._met:
            return ""
        start_param = self._write(bot_id, update_id, user, payload)
        with self._lock:
            self._met[known] = None
            if len(self._met) > REMEMBERED:
                self._met.popitem(last=False)
        return start_param

    def _write(self, bot_id: int, update_id: int, user: TelegramUser, payload: str | None) -> str:
        with self._platform.database.transaction() as session:
            bot = session.get(Bot, bot_id)
            if bot is None:
                return ""
            if payload is None:
                touch_lead(session, bot=bot, user=user, at=utc_now())
                return ""
            return record_start(
                session, bot=bot, update_id=update_id, user=user, payload=payload, at=utc_now()
            )


def start_payload(ctx: Context) -> str | None:
    """What followed /start in a private chat, "" for nothing; None when this update is no /start."""
    if ctx.command is None or ctx.command.name != "start":
        return None
    return ctx.command.args
