"""The report of returns: what clicks cost and earned, by source, campaign, ad, bot, pool or day, in one currency.

Pure: figures go in, rows with their ratios come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, NotRequired, cast

from typing_extensions import TypedDict

from plugins.goals import decimal_of
from services.core.answer_types import one_of
from services.reporting.analytics.period import Period, PeriodView

COUNTS: Final = ("redirects", "starts", "goals", "cost_micros", "revenue_micros")
RATIOS: Final = (
    "profit_micros",
    "roi_percent",
    "cost_per_click_micros",
    "cost_per_start_micros",
    "cost_per_goal_micros",
)
WITHOUT_COST: Final = ("redirects_without_cost", "starts_without_cost", "goals_without_cost")


class ReturnsBy(StrEnum):
    """What a row stands for."""

    SOURCE = "source"
    CAMPAIGN = "campaign"
    AD = "ad"
    BOT = "bot"
    POOL = "pool"
    DAY = "day"


class ReturnsFiguresView(TypedDict):
    """Counted clicks, their starts and goals, and money in millionths of the report's currency. The ratios are null where
    they would be over nothing; `roi_percent` is the profit in percent of the cost. Costs per click, start and goal are over those
    of the rows that have costs; how many the other rows have stands in the fields `…_without_cost`."""

    redirects: int
    starts: int
    goals: int
    cost_micros: int
    revenue_micros: int
    profit_micros: int
    roi_percent: float | None
    cost_per_click_micros: int | None
    cost_per_start_micros: int | None
    cost_per_goal_micros: int | None
    redirects_without_cost: int
    starts_without_cost: int
    goals_without_cost: int


class ReturnsRowView(ReturnsFiguresView):
    """A row. A campaign and an ad have the `path` of names that they stand below; the key "0" of bots and pools, without a
    label, holds what no bot answered, or what brought no click."""

    key: str
    label: str
    path: NotRequired[list[str]]


class MissingRateView(TypedDict):
    """A currency with money that is not in the report, as there is no rate for it on `day`, the first such day."""

    currency: str
    day: str


class ReturnsView(PeriodView):
    """The report. Money whose rate is missing is in none of its figures, and its currency is named."""

    by: Annotated[str, one_of(ReturnsBy)]
    currency: str
    totals: ReturnsFiguresView
    rows: list[ReturnsRowView]
    missing_rates: list[MissingRateView]


@dataclass
class Returns:
    """The figures of a row, or of all."""

    redirects: int = 0
    starts: int = 0
    goals: int = 0
    cost_micros: int = 0
    revenue_micros: int = 0
    costless: tuple[int, int, int] | None = None  # in a sum of rows: what those without costs have

    @property
    def without_cost(self) -> tuple[int, int, int]:
        """Clicks, starts and goals for which no cost is known: all of a row without costs, none of another."""
        if self.costless is not None:
            return self.costless
        return (0, 0, 0) if self.cost_micros else (self.redirects, self.starts, self.goals)

    def add(self, other: Returns) -> None:
        """Add another row's."""
        mine, others = self.without_cost, other.without_cost
        self.costless = (mine[0] + others[0], mine[1] + others[1], mine[2] + others[2])
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_json(self) -> ReturnsFiguresView:
        """With the ratios made of them."""
        profit = self.revenue_micros - self.cost_micros
        clicks, starts, goals = self.without_cost
        return {
            "redirects": self.redirects,
            "starts": self.starts,
            "goals": self.goals,
            "cost_micros": self.cost_micros,
            "revenue_micros": self.revenue_micros,
            "profit_micros": profit,
            "roi_percent": round(100 * profit / self.cost_micros, 1) if self.cost_micros else None,
            "cost_per_click_micros": _per(self.cost_micros, self.redirects - clicks),
            "cost_per_start_micros": _per(self.cost_micros, self.starts - starts),
            "cost_per_goal_micros": _per(self.cost_micros, self.goals - goals),
            "redirects_without_cost": clicks,
            "starts_without_cost": starts,
            "goals_without_cost": goals,
        }


@dataclass(frozen=True)
class ReturnsRow:
    """A row of the report."""

    key: str
    label: str
    figures: Returns
    path: Sequence[str] = ()

    def as_json(self) -> ReturnsRowView:
        """The row with its ratios."""
        path: dict[str, Any] = {"path": list(self.path)} if self.path else {}
        return cast(ReturnsRowView, {"key": self.key, "label": self.label, **self.figures.as_json(), **path})


@dataclass(frozen=True)
class ReturnsReport:
    """The whole report; `missing` maps currencies without a rate to the first day of which they lack it."""

    period: Period
    by: ReturnsBy
    currency: str
    rows: Sequence[ReturnsRow]
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def totals(self) -> Returns:
        """The sum of all rows."""
        found = Returns()
        for row in self.rows:
            found.add(row.figures)
        return found

    def file_rows(self) -> tuple[list[str], list[dict[str, object]]]:
        """Columns and rows as a file: money as plain numbers of the report's currency."""
        columns = ["key", "label", "currency", *map(_plain, (*COUNTS, *RATIOS, *WITHOUT_COST))]
        rows = [
            {
                "currency": self.currency,
                **{_plain(name): _cell(name, value) for name, value in row.as_json().items()},
            }
            for row in self.rows
        ]
        return columns, rows

    def as_json(self) -> ReturnsView:
        """The answer of `GET /returns`."""
        return {
            **self.period.as_json(),
            "by": str(self.by),
            "currency": self.currency,
            "totals": self.totals.as_json(),
            "rows": [row.as_json() for row in self.rows],
            "missing_rates": [
                {"currency": currency, "day": day} for currency, day in sorted(self.missing.items())
            ],
        }


def _plain(name: str) -> str:
    return name.removesuffix("_micros")


def _cell(name: str, value: object) -> object:
    # A number, not a text: a loss begins with a sign, and a text that does is kept from being a formula.
    return Decimal(decimal_of(value)) if name.endswith("_micros") and isinstance(value, int) else value


def _per(micros: int, count: int) -> int | None:
    return round(micros / count) if count else None
