"""What a report of a pool holds: figures, rows, members, and the percentages made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, NotRequired, cast

from typing_extensions import TypedDict

from services.core.answer_types import one_of
from services.fleet.health.members import FailureView
from services.fleet.pools.switches import State
from services.reporting.analytics.figures import percentage
from services.reporting.analytics.period import Period, PeriodView
from services.reporting.pool_status import PoolStatus
from services.traffic.clicks.rollups import OTHER
from services.traffic.clicks.source import parts_of
from services.traffic.goals.earnings import Earned, RevenueView

EARNED = ("goals", "revenue")
BOT_COLUMNS = (
    "redirects",
    "answered",
    "success_rate",
    "uncounted",
    "visitors",
    "starts",
    "conversion",
    *EARNED,
)
ALL_COLUMNS = (*BOT_COLUMNS, "refused")  # who would have served a refused click, nobody knows
UPTIME = "uptime_percent"  # of the period too; only bots have one
VALUE_COLUMNS = ("redirects", "visitors", "starts", "conversion", *EARNED)  # of a source, country or device


class By(StrEnum):
    """What a report's rows stand for."""

    HOUR = "hour"
    DAY = "day"
    SOURCE = "source"
    CAMPAIGN = "campaign"
    AD = "ad"
    COUNTRY = "country"
    DEVICE = "device"
    BOT = "bot"


class FiguresView(TypedDict):
    """Figures of a period, with their percentages."""

    redirects: int
    answered: int
    uncounted: int
    visitors: int
    starts: int
    refused: int
    success_rate: float | None
    conversion: float | None
    goals: int
    revenue: list[RevenueView]


class RowView(TypedDict):
    """A row of a report; which figures it has depends on what the rows are of."""

    key: str
    label: str
    redirects: int
    answered: NotRequired[int]
    uncounted: NotRequired[int]
    visitors: int
    starts: int
    refused: NotRequired[int]
    success_rate: NotRequired[float | None]
    conversion: float | None
    goals: int
    revenue: list[RevenueView]
    share: float | None
    uptime_percent: NotRequired[float | None]
    path: NotRequired[list[str]]  # of a campaign [source, campaign], of an ad [source, campaign, ad]


class UsedView(TypedDict):
    """The member with the most redirects."""

    bot_id: int
    username: str
    redirects: int


class TroubledView(TypedDict):
    """The member that was lost most often."""

    bot_id: int
    username: str
    losses: int


class NowView(TypedDict):
    """The pool as it stands now; traffic is of the last hour."""

    health: int
    online_bots: int
    total_bots: int
    total_redirects: int
    redirects_hour: int
    capacity_used: str
    capacity_available: str


@dataclass
class Figures:
    """Counted clicks, those answered by a bot, uncounted requests, visitors (once per UTC day), starts of these clicks;
    `refused` are clicks turned away over the limit, in none of the others; `earned` is what these clicks brought."""

    redirects: int = 0
    answered: int = 0
    uncounted: int = 0
    visitors: int = 0
    starts: int = 0
    refused: int = 0
    earned: Earned = field(default_factory=Earned)

    def __iadd__(self, other: Figures) -> Figures:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.earned.add(other.earned)
        return self

    @property
    def conversion(self) -> float | None:
        """Starts in percent of counted clicks."""
        return percentage(self.starts, self.redirects)

    def as_json(self) -> FiguresView:
        """With the percentages made of them."""
        return {
            "redirects": self.redirects,
            "answered": self.answered,
            "uncounted": self.uncounted,
            "visitors": self.visitors,
            "starts": self.starts,
            "refused": self.refused,
            "success_rate": percentage(self.answered, self.redirects),
            "conversion": self.conversion,
            "goals": self.earned.goals,
            "revenue": self.earned.shown(self.redirects),
        }


COUNTS: Final = ("redirects", "answered", "uncounted", "visitors", "starts", "refused")


@dataclass(frozen=True)
class Row:
    """One line of a report: `key` for programs (ISO hour, date, source, bot id), `label` for people."""

    key: str
    label: str
    figures: Figures
    columns: Sequence[str]  # which figures are known of such a row
    further: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, total: int) -> RowView:
        """With its share of the period's redirects."""
        figures: Mapping[str, Any] = self.figures.as_json()
        shown = {
            "key": self.key,
            "label": self.label,
            **{name: figures[name] for name in self.columns},
            "share": percentage(self.figures.redirects, total),
            **self.further,
        }
        return cast(RowView, shown)


def credit(found: dict[Any, Figures], earned: Mapping[Any, Earned]) -> dict[Any, Figures]:
    """Add what was earned to the figures of the same keys; `found` with it."""
    for key, more in earned.items():
        found.setdefault(key, Figures()).earned.add(more)
    return found


def time_rows(
    by_hour: Mapping[datetime, Figures], about: Period, *, days: bool, columns: Sequence[str]
) -> list[Row]:
    """A row for each hour or day of a period, with or without clicks."""
    rows: dict[str, Row] = {}
    for hour in about.hours:
        label = about.day_of(hour) if days else about.label_of(hour)
        key = label if days else hour.strftime("%Y-%m-%dT%H:%M:%SZ")
        figures = rows.setdefault(key, Row(key, label, Figures(), columns)).figures
        figures += by_hour.get(hour, Figures())
    return list(rows.values())


def value_row(by: str, value: str, figures: Figures, further: Mapping[str, Any] | None = None) -> Row:
    """The row of a source, country …; campaigns and ads are labelled with what they stand below."""
    path = parts_of(value) if by in (By.CAMPAIGN, By.AD) and value != OTHER else None
    more = {**({"path": path} if path else {}), **(further or {})}
    return Row(value, " / ".join(path) if path else value, figures, VALUE_COLUMNS, more)


@dataclass(frozen=True)
class MemberFigures:
    """A member's part of the period; `state` is its status, or what its switches say. Its uptime too, as far as the period has passed; failures are the last ten."""

    bot_id: int
    username: str
    status: str
    state: Annotated[str, one_of(State)]
    redirects: int
    share: float | None
    visitors: int
    starts: int
    conversion: float | None
    uptime_percent: float | None
    losses: int
    checks: int
    check_mean_ms: int | None
    check_p95_ms: int | None
    last_failures: list[FailureView]


class AnalyticsView(PeriodView):
    """The report of a pool."""

    pool_id: int
    name: str
    slug: str
    by: Annotated[str, one_of(By)]
    now: NowView
    totals: FiguresView
    most_used: UsedView | None
    most_troubled: TroubledView | None
    rows: list[RowView]
    members: list[MemberFigures]


@dataclass(frozen=True)
class PoolAnalytics:
    """The whole report. `status` is the pool as it stands now, with its own figures of the last hour."""

    period: Period
    by: By
    status: PoolStatus
    totals: Figures
    rows: Sequence[Row]
    members: Sequence[MemberFigures]
    breakdowns: Mapping[By, Sequence[Row]] = field(default_factory=dict)

    @property
    def columns(self) -> Sequence[str]:
        """The figures that every row has, in order."""
        known = {By.HOUR: ALL_COLUMNS, By.DAY: ALL_COLUMNS, By.BOT: BOT_COLUMNS}.get(self.by, VALUE_COLUMNS)
        return (*known, "share", UPTIME) if self.by is By.BOT else (*known, "share")

    @property
    def cells(self) -> Sequence[str]:
        """The columns of its rows as a file."""
        return ("key", "label", *self.columns)

    @property
    def most_used(self) -> MemberFigures | None:
        """The member with the most redirects of the period."""
        used = [member for member in self.members if member.redirects]
        return max(used, key=lambda member: member.redirects, default=None)

    @property
    def most_troubled(self) -> MemberFigures | None:
        """The member that went offline or was banned most often in the period; of equals the one with less uptime."""
        lost = [member for member in self.members if member.losses]
        return max(lost, key=lambda one: (one.losses, -(one.uptime_percent or 0.0)), default=None)

    def as_json(self) -> AnalyticsView:
        """The answer of `GET …/analytics`."""
        status, used, troubled = self.status, self.most_used, self.most_troubled
        return {
            "pool_id": status.pool_id,
            "name": status.name,
            "slug": status.slug,
            **self.period.as_json(),
            "by": str(self.by),
            "now": _now(status),
            "totals": self.totals.as_json(),
            "most_used": {"bot_id": used.bot_id, "username": used.username, "redirects": used.redirects}
            if used
            else None,
            "most_troubled": {
                "bot_id": troubled.bot_id,
                "username": troubled.username,
                "losses": troubled.losses,
            }
            if troubled
            else None,
            "rows": self.listed(self.rows),
            "members": list(self.members),
        }

    def listed(self, rows: Iterable[Row]) -> list[RowView]:
        """Rows as JSON."""
        return [row.as_json(self.totals.redirects) for row in rows]


def _now(status: PoolStatus) -> NowView:
    return {
        "health": status.health,
        "online_bots": status.online_bots,
        "total_bots": status.total_bots,
        "total_redirects": status.total_redirects,
        "redirects_hour": status.redirects_hour,
        "capacity_used": status.capacity_used,
        "capacity_available": status.capacity_available,
    }
