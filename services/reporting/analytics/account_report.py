"""What a report over all pools of an account holds, and how it compares with the time before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, NotRequired

from typing_extensions import TypedDict

from services.core.answer_types import Moment, one_of
from services.core.times import iso
from services.reporting.analytics.figures import change
from services.reporting.analytics.period import Period, PeriodView
from services.reporting.analytics.report import VALUE_COLUMNS, Figures, Row, RowView
from services.traffic.goals.earnings import RevenueView


class AccountBy(StrEnum):
    """What a row of the report over all pools stands for."""

    HOUR = "hour"
    DAY = "day"
    POOL = "pool"
    SOURCE = "source"
    CAMPAIGN = "campaign"
    AD = "ad"
    COUNTRY = "country"
    DEVICE = "device"


TIMES: Final = (AccountBy.HOUR, AccountBy.DAY)


class TotalsView(TypedDict):
    """Figures of a period; of a segment by source, country or device only some are kept."""

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


class ChangeView(TypedDict):
    """Against the former period: in percent, of the conversion in points of percent; null from nothing."""

    redirects: float | None
    visitors: float | None
    starts: float | None
    conversion: float | None


class AccountRowView(RowView):
    """A row with its redirects of the former period and their change in percent; a row of time has neither."""

    former_redirects: NotRequired[int]
    change: NotRequired[float | None]


FormerView = TypedDict("FormerView", {"from": Moment, "to": Moment, "totals": TotalsView})


class AccountAnalyticsView(PeriodView):
    """The report over all pools, or of a segment."""

    by: Annotated[str, one_of(AccountBy)]
    totals: TotalsView
    former: FormerView
    change: ChangeView
    rows: list[AccountRowView]


@dataclass
class Pair:
    """The same figures of a period and of the one before."""

    now: Figures = field(default_factory=Figures)
    before: Figures = field(default_factory=Figures)

    def of(self, is_now: bool) -> Figures:
        """Those of the period, or those of the one before."""
        return self.now if is_now else self.before

    def add(self, other: Pair) -> None:
        """Add both of another one."""
        self.now += other.now
        self.before += other.before


@dataclass(frozen=True)
class AccountAnalytics:
    """The whole report. `breakdowns` hold those of the further ones that are kept of such a segment."""

    period: Period
    former: Period
    by: AccountBy
    columns: Sequence[str]
    totals: Pair
    rows: Sequence[Row]
    breakdowns: Mapping[AccountBy, Sequence[Row]]

    @property
    def cells(self) -> Sequence[str]:
        """The columns of its rows as a file."""
        known = self.columns if self.by in (*TIMES, AccountBy.POOL) else VALUE_COLUMNS
        compared = () if self.by in TIMES else ("former_redirects", "change")
        return ("key", "label", *known, "share", *compared)

    def as_json(self) -> AccountAnalyticsView:
        """The answer of `GET /analytics`."""
        now, before = self._shown(self.totals.now), self._shown(self.totals.before)
        rate, former_rate = now["conversion"], before["conversion"]
        points = None if rate is None or former_rate is None else round(rate - former_rate, 1)
        return {
            **self.period.as_json(),
            "by": str(self.by),
            "totals": now,
            "former": {"from": iso(self.former.begin), "to": iso(self.former.end), "totals": before},
            "change": {
                "redirects": change(now["redirects"], before["redirects"]),
                "visitors": change(now["visitors"], before["visitors"]),
                "starts": change(now["starts"], before["starts"]),
                "conversion": points,
            },
            "rows": self.listed(self.rows),
        }

    def listed(self, rows: Iterable[Row]) -> list[AccountRowView]:
        """Rows as JSON."""
        total = self.totals.now.redirects
        return [{**row.as_json(total)} for row in rows]  # type: ignore[typeddict-item]

    def _shown(self, figures: Figures) -> TotalsView:
        whole: Any = figures.as_json()
        shown: Any = {name: whole[name] for name in self.columns}
        return shown  # type: ignore[no-any-return]
