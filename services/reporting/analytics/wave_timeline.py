"""One ban wave minute by minute: losses, spares, alerts, what the owner did, and the clicks meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NotRequired, cast

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session, selectinload
from typing_extensions import TypedDict

from models import (
    AuditEvent,
    BanWave,
    Bot,
    Click,
    DeliveryStatus,
    Notification,
    NotificationDelivery,
    RedirectPool,
)
from services.alerts.notifications.notify import text_of
from services.core.answer_types import Moment, Sentence
from services.core.errors import NotFound
from services.core.times import iso, utc_now
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.reporting.analytics.series import minute_of
from services.reporting.analytics.waves import WaveView, casualties, describe_wave, members_of, recovered_at

Phase = Literal["before", "during", "after"]
MINUTE: Final = timedelta(minutes=1)
BEFORE: Final = timedelta(minutes=15)  # shown of the time before the first loss
AFTER: Final = timedelta(minutes=30)  # and after the end
LONGEST: Final = timedelta(hours=6)  # clicks are shown so long; events always
MOST_ALERTS: Final = 200
DEEDS: Final = ("wave_reverted", "member_removed", "member_added", "member_allowed")


class MinuteView(TypedDict):
    """Counted clicks of a minute; `unanswered`: no bot took them."""

    at: Moment
    clicks: int
    unanswered: int
    phase: Phase


class RatesView(TypedDict):
    """Clicks per minute; null of a phase without a whole minute yet."""

    before: float | None
    during: float | None
    after: float | None


class EventView(TypedDict):
    """What happened: a bot's loss or return, an alert, something that a person did. Which fields stand there hangs on `kind`."""

    at: Moment
    kind: str
    bot_id: NotRequired[int | None]
    username: NotRequired[str]
    cause: NotRequired[str]
    notification_id: NotRequired[int]
    level: NotRequired[str]
    text: NotRequired[Sentence]
    sent: NotRequired[int]
    failed: NotRequired[int]
    pending: NotRequired[int]


class WaveTimelineView(WaveView):
    """A ban wave minute by minute; `minutes` is null when the clicks are deleted by now."""

    pool: str
    first_loss_at: Moment
    over_at: Moment | None
    minutes: list[MinuteView] | None
    per_minute: RatesView
    events: list[EventView]


@dataclass(frozen=True)
class Course:
    """The wave's moments. `over_at` ends it: all bots back or the promotions reverted; None while it goes on."""

    first_loss: datetime
    over_at: datetime | None
    begin: datetime
    end: datetime
    told_until: datetime  # what happens to the pool until then belongs to the story

    def phase_of(self, minute: datetime) -> Phase:
        """before, during or after, of a minute that begins then."""
        if minute + MINUTE <= self.first_loss:
            return "before"
        return "after" if self.over_at is not None and minute >= self.over_at else "during"


def wave_timeline(
    platform: Platform,
    caller: Principal,
    pool_id: int,
    wave_id: int,
    *,
    now: datetime | None = None,
) -> WaveTimelineView:
    """The timeline of a wave of one of the caller's pools; NotFound for another's.

    `minutes` are counted clicks (`unanswered`: no bot took them), None of clicks that retention has deleted.
    """
    now = now or utc_now()
    with looking(platform, caller) as session:
        pool = get_owned(session, caller, RedirectPool, pool_id)
        wave = _wave(session, pool.id, wave_id)
        members = members_of(session, pool.id)
        course = course_of(wave, members, now)
        kept = course.begin > now - timedelta(days=platform.settings.clicks_retention_days)
        minutes = _minutes(session, pool.id, course) if kept else None
        events = [*_moves(wave), *_alerts(session, wave, course), *_deeds(session, wave, course)]
        return {
            **describe_wave(wave, members),
            "pool": pool.name,
            "first_loss_at": iso(course.first_loss),
            "over_at": iso(course.over_at),
            "minutes": minutes,
            "per_minute": rates(minutes or [], now),
            "events": [_shown(event) for event in sorted(events, key=lambda event: event["at"])],
        }


def course_of(wave: BanWave, members: frozenset[int], now: datetime) -> Course:
    """When the wave began and ended, and which minutes tell of it."""
    lost = casualties(wave, members)
    first = min((one.at for one in lost), default=wave.began_at)
    ends = [moment for moment in (recovered_at(lost), wave.reverted_at) if moment is not None]
    over = max(min(ends), first) if ends else None
    begin = _minute(first - BEFORE)
    end = min(now, begin + LONGEST, over + AFTER if over else now)
    told_until = now if wave.reverted_at is None else max(*ends, first) + AFTER
    return Course(first, over, begin, _minute(end) + MINUTE, told_until)


def rates(minutes: Sequence[MinuteView], now: datetime) -> RatesView:
    """Clicks per minute before, during and after; None of a phase without a whole minute yet."""

    def rate(phase: Phase) -> float | None:
        whole = [
            each["clicks"] for each in minutes if each["phase"] == phase and each["at"] < iso(now - MINUTE)
        ]
        return round(sum(whole) / len(whole), 1) if whole else None

    return {"before": rate("before"), "during": rate("during"), "after": rate("after")}


def _wave(session: Session, pool_id: int, wave_id: int) -> BanWave:
    wave = None
    if wave_id < 2**63:  # what the column can hold
        query = select(BanWave).where(BanWave.id == wave_id, BanWave.pool_id == pool_id)
        wave = session.scalar(query.options(selectinload(BanWave.moves)))
    if wave is None:
        raise NotFound("There is no such ban wave", code="wave_not_found")
    return wave


def _minutes(session: Session, pool_id: int, course: Course) -> list[MinuteView]:
    minute = minute_of(session).label("minute")
    nobody = func.sum(case((Click.bot_id.is_(None), 1), else_=0))
    query = (
        select(minute, func.count(), nobody)
        .where(Click.pool_id == pool_id, Click.counted, Click.at >= course.begin, Click.at < course.end)
        .group_by(minute)
    )
    found = {int(at): (int(clicks), int(none)) for at, clicks, none in session.execute(query)}
    shown: list[MinuteView] = []
    for step in range(round((course.end - course.begin) / MINUTE)):
        at = course.begin + step * MINUTE
        clicks, none = found.get(int(at.timestamp()) // 60, (0, 0))
        shown.append({"at": iso(at), "clicks": clicks, "unanswered": none, "phase": course.phase_of(at)})
    return shown


def _moves(wave: BanWave) -> list[dict[str, Any]]:
    return [
        {
            "at": move.at,
            "kind": move.step,
            "bot_id": move.bot_id,
            "username": move.username,
            "cause": move.cause,
        }
        for move in wave.moves
    ]


def _alerts(session: Session, wave: BanWave, course: Course) -> list[dict[str, Any]]:
    """What the owner was told of this pool meanwhile, and to how many destinations it went."""
    told = session.scalars(
        select(Notification)
        .where(
            Notification.pool_id == wave.pool_id,
            Notification.at >= course.first_loss,
            Notification.at <= course.told_until,
        )
        .order_by(Notification.id)
        .limit(MOST_ALERTS)
    ).all()
    sent = _deliveries(session, [one.id for one in told])
    return [
        {
            "at": one.at,
            "kind": "alert",
            "notification_id": one.id,
            "level": one.level,
            "text": text_of(one),
            "sent": sent.get((one.id, DeliveryStatus.SENT), 0),
            "failed": sent.get((one.id, DeliveryStatus.FAILED), 0),
            "pending": sent.get((one.id, DeliveryStatus.PENDING), 0),
        }
        for one in told
    ]


def _deliveries(session: Session, ids: Sequence[int]) -> dict[tuple[int, str], int]:
    query = (
        select(NotificationDelivery.notification_id, NotificationDelivery.status, func.count())
        .where(NotificationDelivery.notification_id.in_(ids))
        .group_by(NotificationDelivery.notification_id, NotificationDelivery.status)
    )
    return {(number, status): int(count) for number, status, count in session.execute(query)}


def _deeds(session: Session, wave: BanWave, course: Course) -> list[dict[str, Any]]:
    """What people did to the pool meanwhile, out of the audit trail."""
    query = (
        select(AuditEvent, Bot.username)
        .outerjoin(Bot, and_(Bot.id == AuditEvent.bot_id, Bot.account_id == wave.account_id))
        .where(
            AuditEvent.account_id == wave.account_id,
            AuditEvent.pool_id == wave.pool_id,
            AuditEvent.kind.in_(DEEDS),
            AuditEvent.at >= course.first_loss,
            AuditEvent.at <= course.told_until,
        )
    )
    return [
        {"at": event.at, "kind": event.kind, "bot_id": event.bot_id, "username": username or ""}
        for event, username in session.execute(query)
    ]


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _shown(event: dict[str, Any]) -> EventView:
    return cast(EventView, {**event, "at": iso(event["at"])})
