"""What a report of a pool holds: figures, rows, members, and the percentages made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from services.reporting.analytics.figures import percentage
from services.reporting.analytics.period import Period
from services.reporting.pool_status import PoolStatus

BOT_COLUMNS = ("redirects", "answered", "success_rate", "uncounted", "visitors", "starts", "conversion")
ALL_COLUMNS = (*BOT_COLUMNS, "refused")  # who would have served a refused click, nobody knows
UPTIME = "uptime_percent"  # of the period too; only bots have one
VALUE_COLUMNS = ("redirects", "visitors", "starts", "conversion")  # of a source, country or device


class By(StrEnum):
    """What a report's rows stand for."""

    HOUR = "hour"
    DAY = "day"
    SOURCE = "source"
    COUNTRY = "country"
    DEVICE = "device"
    BOT = "bot"


@dataclass
class Figures:
    """Counted clicks, those answered by a bot, uncounted requests, visitors (once per UTC day), starts of these clicks;
    `refused` are clicks turned away over the limit, in none of the others."""

    redirects: int = 0
    answered: int = 0
    uncounted: int = 0
    visitors: int = 0
    starts: int = 0
    refused: int = 0

    def __iadd__(self, other: Figures) -> Figures:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)
        return self

    @property
    def conversion(self) -> float | None:
        """Starts in percent of counted clicks."""
        return percentage(self.starts, self.redirects)

    def as_json(self) -> dict[str, Any]:
        """With the percentages made of them."""
        return {
            **asdict(self),
            "success_rate": percentage(self.answered, self.redirects),
            "conversion": self.conversion,
        }


@dataclass(frozen=True)
class Row:
    """One line of a report: `key` for programs (ISO hour, date, source, bot id), `label` for people."""

    key: str
    label: str
    figures: Figures
    columns: Sequence[str]  # which figures are known of such a row
    further: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, total: int) -> dict[str, Any]:
        """With its share of the period's redirects."""
        figures = self.figures.as_json()
        known = {name: figures[name] for name in self.columns}
        return {
            "key": self.key,
            "label": self.label,
            **known,
            "share": percentage(self.figures.redirects, total),
            **self.further,
        }


@dataclass(frozen=True)
class MemberFigures:
    """A member's part of the period, its uptime too, as far as the period has passed; failures are the last ten."""

    bot_id: int
    username: str
    status: str
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
    last_failures: list[Any]


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
    def most_used(self) -> MemberFigures | None:
        """The member with the most redirects of the period."""
        used = [member for member in self.members if member.redirects]
        return max(used, key=lambda member: member.redirects, default=None)

    @property
    def most_troubled(self) -> MemberFigures | None:
        """The member that went offline or was banned most often in the period; of equals the one with less uptime."""
        lost = [member for member in self.members if member.losses]
        return max(lost, key=lambda one: (one.losses, -(one.uptime_percent or 0.0)), default=None)

    def as_json(self) -> dict[str, Any]:
        """The answer of `GET …/analytics`."""
        status = self.status
        now = {name: getattr(status, name) for name in _NOW}
        return {
            "pool_id": status.pool_id,
            "name": status.name,
            "slug": status.slug,
            **self.period.as_json(),
            "by": str(self.by),
            "now": now,
            "totals": self.totals.as_json(),
            "most_used": _named(self.most_used, "redirects"),
            "most_troubled": _named(self.most_troubled, "losses"),
            "rows": self.listed(self.rows),
            "members": [asdict(member) for member in self.members],
        }

    def listed(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """Rows as JSON."""
        return [row.as_json(self.totals.redirects) for row in rows]


_NOW = (
    "health",
    "online_bots",
    "total_bots",
    "total_redirects",
    "redirects_hour",
    "capacity_used",
    "capacity_available",
)


def _named(member: MemberFigures | None, figure: str) -> dict[str, Any] | None:
    if member is None:
        return None
    return {"bot_id": member.bot_id, "username": member.username, figure: getattr(member, figure)}
