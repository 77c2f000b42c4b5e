"""What clicks earned: goals and money, counted by the hour of the click that brought the person, whenever they came.

So that goals stand beside the clicks and starts of the same visitors, as in the rollups. Money is whole millionths per currency;
a refund takes away from its currency and is no goal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Goal
from plugins.goals import MICROS
from services.traffic.clicks.source import path_of


class RevenueView(TypedDict):
    """Money of one currency, in millionths of its unit; `per_click_micros` is it over the counted clicks."""

    currency: str
    amount_micros: int
    per_click_micros: int | None


class EarnedBy(StrEnum):
    """What earnings may be summed by."""

    HOUR = "hour"
    SOURCE = "source"
    CAMPAIGN = "campaign"
    AD = "ad"
    COUNTRY = "country"
    DEVICE = "device"
    BOT = "bot"
    POOL = "pool"


COLUMNS: Final[Mapping[EarnedBy, tuple[Any, ...]]] = {
    EarnedBy.HOUR: (Goal.clicked_hour,),
    EarnedBy.SOURCE: (Goal.click_source,),
    EarnedBy.CAMPAIGN: (Goal.click_source, Goal.campaign),
    EarnedBy.AD: (Goal.click_source, Goal.campaign, Goal.ad),
    EarnedBy.COUNTRY: (Goal.country,),
    EarnedBy.DEVICE: (Goal.device,),
    EarnedBy.BOT: (Goal.bot_id,),
    EarnedBy.POOL: (Goal.pool_id,),
}


@dataclass
class Earned:
    """Goals reached, and money in millionths by currency."""

    goals: int = 0
    revenue: dict[str, int] = field(default_factory=dict)

    def add(self, other: Earned) -> None:
        """Add another one's."""
        self.goals += other.goals
        for currency, micros in other.revenue.items():
            self.revenue[currency] = self.revenue.get(currency, 0) + micros

    def shown(self, clicks: int) -> list[RevenueView]:
        """The money by currency, and what a click brought."""
        return [
            {
                "currency": currency,
                "amount_micros": micros,
                "per_click_micros": round(micros / clicks) if clicks else None,
            }
            for currency, micros in sorted(self.revenue.items())
        ]


def earned(
    session: Session,
    by: EarnedBy,
    begin: datetime,
    end: datetime,
    conditions: Sequence[ColumnElement[bool]],
) -> dict[Any, Earned]:
    """Earnings of the clicks from `begin` to `end` (whole hours) that meet `conditions` on `Goal`, by key.

    A campaign's and an ad's key is its path, as in the rollups; an hour's the moment it begins, a bot's and a pool's the number.
    """
    columns = COLUMNS[by]
    counted = func.sum(case((Goal.amount_micros < 0, 0), else_=1))
    query = (
        select(*columns, Goal.currency, counted, *_sums())
        .where(Goal.clicked_hour >= begin, Goal.clicked_hour < end, *conditions)
        .group_by(*columns, Goal.currency)
    )
    found: dict[Any, Earned] = {}
    for *parts, currency, goals, units, rest in session.execute(query):
        key = path_of(*parts) if len(parts) > 1 else parts[0]
        revenue = {currency: int(units) * MICROS + int(rest)} if currency and units is not None else {}
        found.setdefault(key, Earned()).add(Earned(int(goals), revenue))
    return found


def _sums() -> tuple[Any, Any]:
    """The amounts' whole units and what is beyond them, apart: ten of the largest amounts are more than SQLite adds up."""
    return func.sum(Goal.amount_micros // MICROS), func.sum(Goal.amount_micros % MICROS)


class Earnings:
    """The earnings of a report: of goals that meet `conditions`, in any of its `times`.

    One look tells whether there are any, so that whoever notes no goals pays no query for each breakdown.
    """

    def __init__(
        self,
        session: Session,
        conditions: Sequence[ColumnElement[bool]],
        times: Sequence[tuple[datetime, datetime]],
    ) -> None:
        self._session = session
        self._conditions = conditions
        self._times = times

    def by(self, by: str, begin: datetime, end: datetime) -> dict[Any, Earned]:
        """Those of one of the times, by key as `earned` says."""
        return earned(self._session, EarnedBy(by), begin, end, self._conditions) if self._are_there else {}

    @cached_property
    def _are_there(self) -> bool:
        spans = [and_(Goal.clicked_hour >= begin, Goal.clicked_hour < end) for begin, end in self._times]
        return bool(self._session.scalar(select(exists().where(or_(*spans), *self._conditions))))


def revenue_of(
    session: Session, account_id: int, by: EarnedBy, begin: datetime, end: datetime
) -> dict[Any, Earned]:
    """What an account's clicks of a time earned, by source, campaign, ad, bot, pool …; by day with `EarnedBy.HOUR`, whose
    hours the caller sums on its own clock.
    """
    return earned(session, by, begin, end, [Goal.account_id == account_id])
