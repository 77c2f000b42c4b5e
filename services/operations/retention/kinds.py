"""The kinds of data that have an end: what each is, how long it is kept, and where it lies. Rollups stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy.orm import Session

from models import (
    AuditEvent,
    BanWave,
    Broadcast,
    ChatMessage,
    CheckDuration,
    CheckGap,
    Click,
    DailyVisitor,
    DeadLetter,
    DeadLetterState,
    HandledUpdate,
    Lead,
    Notification,
    PeopleChange,
    PoolBotTransition,
    StoredFile,
)
from services.core.i18n import Text
from services.core.settings import Settings
from services.operations.retention.expiry import ExpiringRows, Figures
from services.operations.retention.stores import (
    AccessLogFiles,
    Broadcasts,
    PeoplesFiles,
    SilentLeads,
    TrailEntries,
    VisitorHashes,
)
from services.platform.platform import Platform

VISITOR_DAYS: Final = 3  # a spooled click that comes even later may count its visitor once more
HANDLED_DAYS: Final = 3  # longer than updates are told from repeated ones, shorter than ids come again


class Store(Protocol):
    """Where data of a kind lies."""

    def delete(self, platform: Platform, before: datetime, deadline: float) -> int:
        """Delete what is older than `before`, until `deadline` of the monotonic clock; how many."""

    def figures(self, platform: Platform, session: Session, before: datetime | None) -> Figures:
        """How much there is, and how much of it is older than `before`."""


@dataclass(frozen=True)
class DataKind:
    """One kind of data. `days` are those of `setting`, 0 = for good; without a setting they are the same everywhere."""

    name: str
    what: Text
    days: Callable[[Settings], int]
    store: Store
    setting: str = ""

    def before(self, settings: Settings, now: datetime) -> datetime | None:
        """What is older than this is too old; None where it is kept for good."""
        days = self.days(settings)
        return now - timedelta(days=days) if days else None


def _set(name: str, what: Text, setting: str, store: Store) -> DataKind:
    return DataKind(name, what, lambda settings: int(getattr(settings, setting.lower())), store, setting)


CLICKS, EVENTS = "CLICKS_RETENTION_DAYS", "EVENTS_RETENTION_DAYS"
KINDS: Final = (  # in the order in which they are deleted
    _set(
        "clicks",
        Text("Single clicks; the counts made of them stay"),
        CLICKS,
        ExpiringRows(Click, Click.at, each=Click.account_id),
    ),
    DataKind(
        "visitors",
        Text("Hashes that tell a day's visitors apart"),
        lambda _settings: VISITOR_DAYS,
        VisitorHashes(DailyVisitor, DailyVisitor.day),
    ),
    _set(
        "check_durations",
        Text("How long health checks took"),
        CLICKS,
        ExpiringRows(CheckDuration, CheckDuration.hour),
    ),
    _set(
        "health_changes",
        Text("Changes of the health of pools' bots, from which uptime is computed"),
        EVENTS,
        ExpiringRows(PoolBotTransition, PoolBotTransition.at, each=PoolBotTransition.pool_bot_id),
    ),
    _set(
        "check_gaps",
        Text("Times in which no health check was made"),
        EVENTS,
        ExpiringRows(CheckGap, CheckGap.ended_at, each=CheckGap.pool_bot_id),
    ),
    _set(
        "ban_waves",
        Text("Ban waves whose promotions were taken back"),
        EVENTS,
        ExpiringRows(BanWave, BanWave.reverted_at),
    ),
    _set(
        "notifications",
        Text("Notifications and their deliveries"),
        EVENTS,
        ExpiringRows(Notification, Notification.at, each=Notification.account_id),
    ),
    _set(
        "dead_letters",
        Text("Settled dead letters"),
        "DEAD_LETTERS_RETENTION_DAYS",
        ExpiringRows(
            DeadLetter, DeadLetter.resolved_at, condition=DeadLetter.state == DeadLetterState.RESOLVED
        ),
    ),
    DataKind(
        "handled_updates",
        Text("Outcomes of updates, in case one is read again"),
        lambda _settings: HANDLED_DAYS,
        ExpiringRows(HandledUpdate, HandledUpdate.at),
    ),
    _set(
        "audit_trail",
        Text("The trail of who did what"),
        "AUDIT_RETENTION_DAYS",
        TrailEntries(AuditEvent, AuditEvent.at),
    ),
    _set(
        "files",
        Text("Files that people sent to bots"),
        "FILES_RETENTION_DAYS",
        PeoplesFiles(StoredFile, StoredFile.created_at, condition=StoredFile.stored_at.is_not(None)),
    ),
    _set(
        "broadcasts",
        Text("Broadcasts that are over, with who got them"),
        EVENTS,
        Broadcasts(Broadcast, Broadcast.ended_at),
    ),
    _set(
        "people",
        Text("People who have not turned to a bot for long, with all that is kept of them there"),
        "LEADS_RETENTION_DAYS",
        SilentLeads(Lead, Lead.last_interaction),
    ),
    _set(
        "messages",
        Text("Messages of bots that keep them for the inbox"),
        "MESSAGES_RETENTION_DAYS",
        ExpiringRows(ChatMessage, ChatMessage.at),
    ),
    _set(
        "people_changes",
        Text("Changes of many people that are done"),
        EVENTS,
        ExpiringRows(PeopleChange, PeopleChange.ended_at),
    ),
    _set(
        "access_log",
        Text("The access log of this machine"),
        "ACCESS_LOG_RETENTION_DAYS",
        AccessLogFiles(),
    ),
)
