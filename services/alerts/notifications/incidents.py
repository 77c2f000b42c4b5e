"""Incidents: what is told of one trouble, from its first alarm to the all-clear, is one thing that changes.

Each change is a notification of its own; `Notification.incident` is the id of the first one. A message in Telegram and a
row in the panel show the incident as it stands, and are changed in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session, aliased

from models import Notification
from services.alerts.notifications.kinds import ALARMS_OF, TROUBLES, Kind, Level, topic_of
from services.alerts.notifications.planning import PlannedNotification, same_subject
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

JOINS: Final = timedelta(minutes=10)  # after its last news; the window of a ban wave, and the cool-down
LONGEST: Final = timedelta(
    hours=1
)  # then new alarms begin an incident of their own: changed messages make no sound
ABOUT: Final = (
    "fingerprint",
    "queue",
    "destination",
    "host",
)  # parameters that name a subject beside pool and bot
NUMBERS: Final = ("health", "online", "total")
ORDER: Final = (Level.CRITICAL, Level.WARNING, Level.INFO, Level.RECOVERY)
OF_BOT, OF_MEMBER = topic_of(Kind.BOT_FAILED), topic_of(Kind.MEMBER_OFFLINE)
AGAIN: Final = frozenset(
    {Kind.MEMBER_BANNED}
)  # worse news of a loss that was told: nobody is woken twice for it


class News(Protocol):
    """A notification, as a row or inside a message."""

    @property
    def kind(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def pool_id(self) -> int | None: ...
    @property
    def bot_id(self) -> int | None: ...
    @property
    def params(self) -> Mapping[str, Any]: ...


Each = TypeVar("Each", bound=News)


def standing(news: Iterable[Each]) -> list[Each]:
    """What holds of an incident: of each topic and subject the newest, gravest first. `news` are in their order.

    That a bot stopped is left out where its loss to a pool is told. A wave, which no news ends, stands last once all else is over.
    """
    newest: dict[tuple[object, ...], Each] = {}
    for one in news:
        about = [str(one.params.get(name)) for name in ABOUT]
        key = (topic_of(one.kind), one.pool_id, one.bot_id, *about)
        newest.pop(key, None)
        newest[key] = one
    lost = {one.bot_id for one in newest.values() if topic_of(one.kind) == OF_MEMBER}
    kept = [one for one in newest.values() if topic_of(one.kind) != OF_BOT or one.bot_id not in lost]
    over = {Level.RECOVERY} == {one.level for one in kept if one.kind != Kind.BAN_WAVE}
    return sorted(kept, key=lambda one: (over and one.kind == Kind.BAN_WAVE, ORDER.index(Level(one.level))))


def numbers_of(news: Iterable[News]) -> dict[int | None, dict[str, Any]]:
    """Of each pool its health as it was told last, for all that is told of it together. `news` are in their order."""
    told = ((one.pool_id, {name: one.params[name] for name in NUMBERS if name in one.params}) for one in news)
    return {pool_id: numbers for pool_id, numbers in told if pool_id is not None and numbers}


def rings(fresh: Iterable[News], earlier: Iterable[News]) -> bool:
    """Whether `fresh` news shall be heard and not only seen: the first, and each critical kind that is new."""
    told = {one.kind for one in earlier}
    return not told or any(
        one.level == Level.CRITICAL and one.kind not in told and one.kind not in AGAIN for one in fresh
    )


def join_incident(session: Session, news: PlannedNotification) -> int:
    """Put a notification that was just added into the incident it belongs to, or begin one; the incident's id."""
    found = _of_alarm(session, news) if news.kind in ALARMS_OF else _of_trouble(session, news)
    incident = found or news.id
    session.execute(update(Notification).where(Notification.id == news.id).values(incident=incident))
    return incident


def _of_alarm(session: Session, news: PlannedNotification) -> int | None:
    """A recovery belongs to the alarm that it ends, however old."""
    alarms = Notification.kind.in_(ALARMS_OF[Kind(news.kind)])
    query = select(Notification.incident).where(Notification.id < news.id, alarms, *same_subject(news))
    return session.scalar(query.order_by(Notification.id.desc()).limit(1))


def _of_trouble(session: Session, news: PlannedNotification) -> int | None:
    """An alarm about service belongs to what was told lately of the same bot or pool."""
    same = [
        column == value
        for column, value in ((Notification.bot_id, news.bot_id), (Notification.pool_id, news.pool_id))
        if value is not None
    ]
    if news.kind not in TROUBLES or not same:
        return None
    first = aliased(Notification)
    return session.scalar(
        select(Notification.incident)
        .join(first, first.id == Notification.incident)
        .where(
            Notification.account_id == news.account_id,
            Notification.id < news.id,
            Notification.kind.in_(TROUBLES),
            or_(*same),
            Notification.at > news.at - JOINS,
            first.at > news.at - LONGEST,
        )
        .order_by(Notification.id.desc())
        .limit(1)
    )


def recent_incidents(platform: Platform, caller: Principal, limit: int) -> list[Sequence[Notification]]:
    """The caller's incidents with the newest news first, each as its notifications in order."""
    last = (
        select(Notification.incident, func.max(Notification.id).label("last"))
        .where(Notification.account_id == caller.account_id)
        .group_by(Notification.incident)
        .order_by(func.max(Notification.id).desc())
        .limit(limit)
        .subquery()
    )
    query = select(Notification).join(last, Notification.incident == last.c.incident)
    found: dict[int | None, list[Notification]] = {}
    with platform.database.reading() as session:
        query = query.where(Notification.account_id == caller.account_id)
        for row in session.scalars(query.order_by(last.c.last.desc(), Notification.id)):
            found.setdefault(row.incident, []).append(row)
    return list(found.values())


def unread_incidents(platform: Platform, caller: Principal) -> int:
    """How many of the caller's incidents have news that were not read yet."""
    unread = select(func.count(Notification.incident.distinct())).where(
        Notification.account_id == caller.account_id, Notification.read_at.is_(None)
    )
    with platform.database.reading() as session:
        return session.scalar(unread) or 0
