"""What happened to one bot, newest first: its audit trail, and how pools' looks at it turned out, in one order of time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from typing_extensions import TypedDict

from models import Account, AuditEvent, Bot, PoolBot, PoolBotTransition, RedirectPool
from services.core.answer_types import Moment, Sentence
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.times import iso
from services.fleet.bots.registry import get_bot
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.event_texts import EVENT_TEXTS, MEMBER_STATE, actor_text, event_text

START: Final = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR: Final = re.compile(r"([0-9]{1,17})([ab])([0-9]{1,18})", re.ASCII)
AUDIT, TRANSITION = "a", "b"  # at one moment the later letter is the newer


class BotEventView(TypedDict):
    """Something that happened to a bot. `by` did it, from `ip` ("" where that is not known); `details` hang on `kind`."""

    id: str
    at: Moment
    kind: str
    text: Sentence
    actor: str
    by: Sentence
    ip: str
    pool_id: int | None
    pool: str | None
    details: dict[str, Any]


@dataclass(frozen=True, order=True)
class Place:
    """An event's place in time; `source` and `number` tell apart what happened at one moment."""

    at: datetime
    source: str
    number: int

    @classmethod
    def of_cursor(cls, cursor: str) -> Place:
        """What `cursor` names; InvalidInput for anything else."""
        found = CURSOR.fullmatch(cursor)
        if found is None:
            raise InvalidInput("The cursor is none that a page named", field="cursor")
        return cls(START + timedelta(microseconds=int(found[1])), found[2], int(found[3]))

    @property
    def cursor(self) -> str:
        """For the address of the page that follows."""
        return f"{(self.at - START) // timedelta(microseconds=1)}{self.source}{self.number}"


@dataclass(frozen=True)
class Event:
    """A row of either kind."""

    place: Place
    kind: str
    actor: str
    ip: str
    pool_id: int | None
    pool: str | None
    details: dict[str, Any]
    by: Text

    @property
    def cursor(self) -> str:
        """Its place, for the page that follows."""
        return self.place.cursor


def list_bot_events(
    platform: Platform,
    caller: Principal,
    bot_id: int | str,
    *,
    kind: str = "",
    cursor: str = "",
    limit: int = 50,
) -> Sequence[Event]:
    """At most `limit` events of the caller's bot, newest first, those before the one that `cursor` names."""
    bot = get_bot(platform, caller, bot_id)
    if kind and kind not in EVENT_TEXTS:
        raise InvalidInput("There is no such kind of event", field="kind")
    before = Place.of_cursor(cursor) if cursor else None
    with platform.database.reading() as session:
        found = [
            *(_audited(session, caller, bot, kind, before, limit) if kind != MEMBER_STATE else ()),
            *(_transitions(session, bot, before, limit) if kind in ("", MEMBER_STATE) else ()),
        ]
    return sorted(found, key=lambda event: event.place, reverse=True)[:limit]


def describe_event(event: Event) -> BotEventView:
    """An event for API and panel."""
    return {
        "id": event.cursor,
        "at": iso(event.place.at),
        "kind": event.kind,
        "text": event_text(event.kind, event.details),
        "actor": event.actor,
        "by": event.by,
        "ip": event.ip,
        "pool_id": event.pool_id,
        "pool": event.pool,
        "details": event.details,
    }


def _audited(
    session: Session, caller: Principal, bot: Bot, kind: str, before: Place | None, limit: int
) -> list[Event]:
    query = (
        select(AuditEvent, RedirectPool.name)
        .outerjoin(
            RedirectPool,
            and_(RedirectPool.id == AuditEvent.pool_id, RedirectPool.account_id == bot.account_id),
        )
        .where(
            AuditEvent.bot_id == bot.id,
            AuditEvent.account_id == bot.account_id,
            *_earlier(AuditEvent.at, AuditEvent.id, AUDIT, before),
        )
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(limit)
    )
    rows = session.execute(query.where(AuditEvent.kind == kind) if kind else query).all()
    emails = _emails(session, caller, bot)
    return [
        Event(
            place=Place(row.at, AUDIT, row.id),
            kind=row.kind,
            actor=row.actor,
            ip=row.ip,
            pool_id=row.pool_id,
            pool=pool,
            details=row.details,
            by=actor_text(row.actor, emails),
        )
        for row, pool in rows
    ]


def _transitions(session: Session, bot: Bot, before: Place | None, limit: int) -> list[Event]:
    query = (
        select(PoolBotTransition, RedirectPool.id, RedirectPool.name)
        .join(PoolBot, PoolBot.id == PoolBotTransition.pool_bot_id)
        .join(RedirectPool, RedirectPool.id == PoolBot.pool_id)
        .where(
            PoolBot.bot_id == bot.id,
            *_earlier(PoolBotTransition.at, PoolBotTransition.id, TRANSITION, before),
        )
        .order_by(PoolBotTransition.at.desc(), PoolBotTransition.id.desc())
        .limit(limit)
    )
    return [
        Event(
            place=Place(row.at, TRANSITION, row.id),
            kind=MEMBER_STATE,
            actor="system:health",
            ip="",
            pool_id=pool_id,
            pool=pool,
            details={"from": row.from_status, "to": row.to_status, "cause": row.cause},
            by=actor_text("system:health", {}),
        )
        for row, pool_id, pool in session.execute(query)
    ]


def _earlier(
    at: InstrumentedAttribute[datetime], number: InstrumentedAttribute[int], source: str, before: Place | None
) -> list[ColumnElement[bool]]:
    """The condition of rows of `source` that stand before a place."""
    if before is None:
        return []
    if source == before.source:
        return [or_(at < before.at, and_(at == before.at, number < before.number))]
    return [at <= before.at if source < before.source else at < before.at]


def _emails(session: Session, caller: Principal, bot: Bot) -> dict[int, str]:
    """The people whom the caller may see by name: its own account's, and for an admin the bot's owner."""
    seen = {caller.account_id, bot.account_id}
    rows = session.execute(select(Account.id, Account.email).where(Account.id.in_(seen)))
    return {int(number): str(email) for number, email in rows}
