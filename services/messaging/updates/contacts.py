"""Who a bot met: starts, leads and blocks, written before the update is acknowledged, and only when there is news."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot
from plugins.context import Context
from services.core.errors import Unavailable
from services.core.times import utc_now
from services.messaging.inbox.incoming import IncomingMessage, keep_incoming
from services.platform.platform import Platform
from services.platform.redis.group_commit import GroupCommit, let_others_submit
from services.traffic.clicks.attribution import NewStart, record_starts
from services.traffic.clicks.leads import (
    Contact,
    KnownBot,
    Person,
    TelegramUser,
    block_leads,
    last_met,
    touch_leads,
    welcome_back,
)

REMEMBERED = 100_000  # (bot, person) pairs per process known to have a row: about 30 MB
LARGEST = 100  # people in one transaction
RENEWED_SECONDS = (
    600.0  # how far a row's last interaction may lie behind, for a write per person in that time
)


_Person = tuple[int, int, int]  # bot, its identity and somebody: who meets a new identity is news


@dataclass(frozen=True, slots=True)
class _Known:
    """What a row says of somebody, as a hash of their names; until when (monotonic). Met in groups alone, they are news in private."""

    names: int
    until: float
    privately: bool

    def covers(self, meeting: Meeting) -> bool:
        """Whether the meeting tells nothing that the row does not."""
        is_told = self.privately or not meeting.privately
        return is_told and self.names == _names_of(meeting.user) and time.monotonic() < self.until


class Meeting(NamedTuple):
    """Somebody turned to the bot, `privately` in their own chat or elsewhere, or with `blocked` blocked or unblocked it.

    `payload` is that of a /start, else None; a `message` is kept in the same transaction.
    """

    bot_id: int
    update_id: int
    user: TelegramUser
    payload: str | None = None
    blocked: bool | None = None
    message: IncomingMessage | None = None
    identity: int = 1  # the bot's
    privately: bool = True
    is_known: bool = False  # nothing but the message is news

    @property
    def person(self) -> _Person:
        """Under which it is remembered that they were met."""
        return self.bot_id, self.identity, self.user.id

    @property
    def is_plain(self) -> bool:
        """Whether a row that tells the same already makes it no news."""
        return self.payload is None and self.blocked is None and not self.is_known


class Contacts:
    """Writes starts, contacts and blocks; remembers who needs no write for now. Rows are idempotent by update.

    Known people are written again when their names changed, and every `renewed` seconds for their last interaction.
    Whom this process does not remember is looked up first, a whole batch in one query: a worker that starts meets
    thousands whom another wrote a moment ago.
    Meetings of one moment share a transaction: on SQLite, and at a wave of paid traffic, writes are what is scarce.
    `gather` waits for more of them.
    """

    def __init__(
        self,
        platform: Platform,
        renewed: float = RENEWED_SECONDS,
        gather: Callable[[], None] = let_others_submit,
    ) -> None:
        self._platform = platform
        self._renewed = renewed
        self._known: OrderedDict[_Person, _Known] = OrderedDict()
        self._lock = threading.Lock()
        self._writes: GroupCommit[Meeting, str | Exception] = GroupCommit(
            self._write, largest=LARGEST, gather=gather
        )

    def record(self, meeting: Meeting) -> str:
        """Note it; the start parameter, "" for none. Raises Unavailable when the database is away."""
        if meeting.blocked is not None:
            with self._lock:
                self._known.pop(meeting.person, None)  # whatever they write next is news
        elif meeting.payload is None:
            known = self._known.get(meeting.person)
            if known is not None and known.covers(meeting):
                return self._record(meeting._replace(is_known=True)) if meeting.message is not None else ""
        return self._record(meeting)

    def _record(self, meeting: Meeting) -> str:
        answer = self._writes.submit(meeting)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _write(self, meetings: Sequence[Meeting]) -> Sequence[str | Exception]:
        try:
            met = self._look_up(meetings)
            told = [
                each._replace(is_known=True) if each.is_plain and (each.bot_id, each.user.id) in met else each
                for each in meetings
            ]
            answers = self._write_news(told)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # a number too large for a column, for example
            if len(meetings) == 1:
                return [error]
        else:
            self._remember(meetings, met)
            return answers
        return [self._write([meeting])[0] for meeting in meetings]  # one of them is at fault: not the others

    def _look_up(self, meetings: Sequence[Meeting]) -> dict[Person, datetime]:
        """Whose row tells what would be written of them, and is young enough: when they were last met."""
        users = {(each.bot_id, each.user.id): each.user for each in meetings if each.is_plain}
        if not users:
            return {}
        with self._platform.database.reading() as session:
            return last_met(session, users, utc_now() - timedelta(seconds=self._renewed))

    def _write_news(self, meetings: Sequence[Meeting]) -> list[str]:
        """The start parameters. Where nothing is news and nothing is to be kept, the write lock is left alone."""
        kept = [meeting.message for meeting in meetings if meeting.message is not None]
        if not kept and all(meeting.is_known for meeting in meetings):
            return [""] * len(meetings)
        with self._platform.database.transaction() as session:
            answers = _record(session, meetings)
            if kept:
                keep_incoming(session, self._platform.vault, kept)
            return answers

    def _remember(self, meetings: Sequence[Meeting], met: Mapping[Person, datetime]) -> None:
        """Whoever was met needs no write until their row is as old as it may become; whoever blocked the bot is news."""
        now, wall = time.monotonic(), utc_now()
        with self._lock:
            for each in meetings:
                if each.blocked is None and not each.is_known:
                    at = met.get((each.bot_id, each.user.id), wall) if each.is_plain else wall
                    until = now + self._renewed - max((wall - at).total_seconds(), 0.0)
                    reached = each.privately or (each.is_plain and (each.bot_id, each.user.id) in met)
                    self._known[each.person] = _Known(_names_of(each.user), until, reached)
                    self._known.move_to_end(each.person)
            for each in meetings:
                if each.blocked is not None:
                    self._known.pop(each.person, None)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def _names_of(user: TelegramUser) -> int:
    return hash(f"{user.first_name}\n{user.last_name}\n{user.username}\n{user.language_code}")


def _record(session: Session, meetings: Sequence[Meeting]) -> list[str]:
    """The start parameters. However many they are, it is a handful of statements; of bots that are gone nothing is kept."""
    bots, now = _bots_of(session, meetings), utc_now()
    news = [
        (meeting, Contact(bots[meeting.bot_id], meeting.user, now, meeting.privately))
        for meeting in meetings
        if meeting.bot_id in bots and not meeting.is_known
    ]
    leads = touch_leads(session, [contact for meeting, contact in news if meeting.blocked is None])
    starts = {
        (meeting.bot_id, meeting.update_id): NewStart(contact, meeting.update_id, meeting.payload)
        for meeting, contact in news
        if meeting.payload is not None
    }
    params = dict(zip(starts, record_starts(session, [*starts.values()], leads), strict=True))
    block_leads(session, [contact for meeting, contact in news if meeting.blocked])
    for meeting, contact in news:
        if meeting.blocked is False:
            welcome_back(session, contact.bot, contact.user.id)
    return [params.get((meeting.bot_id, meeting.update_id), "") for meeting in meetings]


def _bots_of(session: Session, meetings: Sequence[Meeting]) -> dict[int, KnownBot]:
    wanted = sorted({meeting.bot_id for meeting in meetings if not meeting.is_known})
    if not wanted:
        return {}
    found: Any = session.execute(select(Bot.id, Bot.account_id, Bot.identity).where(Bot.id.in_(wanted)))
    return {bot.id: bot for bot in found}


def start_payload(ctx: Context) -> str | None:
    """What followed /start in a private chat, "" for nothing; None when this update is no /start."""
    if ctx.command is None or ctx.command.name != "start":
        return None
    return ctx.command.args
