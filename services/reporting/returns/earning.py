"""What clicks earned, in one currency: each part of the period is converted at the rates that were in force then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import Session

from services.reporting.analytics.period import Period, midnight
from services.traffic.goals.earnings import Earned, EarnedBy, revenue_of
from services.traffic.spend.costing import Costs
from services.traffic.spend.rates import Rates


@dataclass
class Income:
    """Goals and converted millionths by key."""

    goals: dict[Any, int] = field(default_factory=dict)
    money: Costs = field(default_factory=Costs)

    def add(self, key: Any, earned: Earned, rates: Rates, day: date) -> None:
        """Add what a key earned on a day, or in a time in which the rates of that day were in force."""
        self.goals[key] = self.goals.get(key, 0) + earned.goals
        for currency, micros in earned.revenue.items():
            self.money.add(key, rates.convert(micros, currency, day), currency, day)


def income(session: Session, account_id: int, by: EarnedBy, about: Period, rates: Rates) -> Income:
    """What the period's clicks earned by source, campaign, ad, bot or pool."""
    found = Income()
    for begin, end, day in _spans(about, rates):
        for key, earned in revenue_of(session, account_id, by, begin, end).items():
            found.add(key, earned, rates, day)
    return found


def income_by_day(session: Session, account_id: int, about: Period, rates: Rates) -> Income:
    """What the clicks of each day earned."""
    found = Income()
    for hour, earned in revenue_of(session, account_id, EarnedBy.HOUR, about.begin, about.end).items():
        day = date.fromisoformat(about.day_of(hour))
        found.add(day, earned, rates, day)
    return found


def _spans(about: Period, rates: Rates) -> Iterator[tuple[datetime, datetime, date]]:
    """The period cut where a rate begins: beginning, end, and a day in between."""
    first = date.fromisoformat(about.day_of(about.begin))
    cuts = sorted(midnight(day, about.zone) for day in rates.changes() if day > first)
    inside = [cut for cut in cuts if about.begin < cut < about.end]
    edges = [about.begin, *inside, about.end]
    for begin, end in pairwise(edges):
        yield begin, end, date.fromisoformat(about.day_of(begin))
