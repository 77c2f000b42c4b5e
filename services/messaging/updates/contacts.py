"""Who a bot met: starts and leads, written before the update is acknowledged, and only when there is news."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models import Bot
from plugins.context import Context
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis.group_commit import GroupCommit
from services.traffic.clicks.attribution import TelegramUser, record_start, touch_lead

REMEMBERED = 100_000  # (bot, person) pairs per process known to have a row: about 10 MB


@dataclass(frozen=True)
class _Meeting:
    bot_id: int
    update_id: int
    user: TelegramUser
    payload: str | None


class Contacts:
    """Writes starts and first contacts; remembers who needs no write any more. Rows are idempotent by update.

    Meetings of one moment share a transaction: on SQLite, and at a wave of paid traffic, writes are what is scarce.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._met: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._lock = threading.Lock()
        self._writes: GroupCommit[_Meeting, str | Exception] = GroupCommit(self._write, largest=100)

    def record_contact(self, bot_id: int, update_id: int, user: TelegramUser, payload: str | None) -> str:
        """Note that `user` wrote to the bot; `payload` is that of a /start, else None. Returns the start parameter.

        Raises Unavailable when the database is away.
        """
        known = (bot_id, user.id)
        if payload is None and known in self._met:
            return ""
        answer = self._writes.submit(_Meeting(bot_id, update_id, user, payload))
        if isinstance(answer, Exception):
            raise answer
        with self._lock:
            self._met[known] = None
            if len(self._met) > REMEMBERED:
                self._met.popitem(last=False)
        return answer

    def _write(self, meetings: Sequence[_Meeting]) -> Sequence[str | Exception]:
        try:
            with self._platform.database.transaction() as session:
                return [_record(session, meeting) for meeting in meetings]
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a number too large for a column, for example
            if len(meetings) == 1:
                return [error]
        return [self._write([meeting])[0] for meeting in meetings]  # one of them is at fault: not the others


def _record(session: Session, meeting: _Meeting) -> str:
    bot = session.get(Bot, meeting.bot_id)
    if bot is None:
        return ""
    if meeting.payload is None:
        touch_lead(session, bot=bot, user=meeting.user, at=utc_now())
        return ""
    return record_start(
        session,
        bot=bot,
        update_id=meeting.update_id,
        user=meeting.user,
        payload=meeting.payload,
        at=utc_now(),
    )


def start_payload(ctx: Context) -> str | None:
    """What followed /start in a private chat, "" for nothing; None when this update is no /start."""
    if ctx.command is None or ctx.command.name != "start":
        return None
    return ctx.command.args
