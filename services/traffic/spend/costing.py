"""What clicks cost: sums of the account's costs in one currency, by source, campaign, ad or day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Spend
from services.traffic.clicks.source import path_of
from services.traffic.spend.rates import Rates

LEVELS: Final = ("source", "campaign", "ad")  # a campaign stands below its source, an ad below its campaign
_NAMES: Final = (Spend.source, Spend.campaign, Spend.ad)


@dataclass
class Costs:
    """Millionths of one currency by key. `missing` are the currencies without a rate on some day, with the first such day."""

    by_key: dict[Any, int] = field(default_factory=dict)
    missing: dict[str, date] = field(default_factory=dict)

    def add(self, key: Any, micros: int | None, currency: str, day: date) -> None:
        """Add a converted amount to a key; None, where there is no rate, is noted and not counted."""
        if micros is None:
            self.missing[currency] = min(day, self.missing.get(currency, day))
        else:
            self.by_key[key] = self.by_key.get(key, 0) + micros


def costs_by_path(
    session: Session, account_id: int, level: str, first: date, last: date, rates: Rates
) -> Costs:
    """Costs of the days from `first` to `last` by source, or by the path of a campaign or an ad (`clicks.source`)."""
    columns = _NAMES[: LEVELS.index(level) + 1]
    costs = Costs()
    for day, currency, micros, *names in _sums(session, account_id, first, last, columns):
        key = path_of(*names) if len(names) > 1 else names[0]
        costs.add(key, rates.convert(micros, currency, day), currency, day)
    return costs


def costs_by_day(session: Session, account_id: int, first: date, last: date, rates: Rates) -> Costs:
    """Costs of each day."""
    costs = Costs()
    for day, currency, micros in _sums(session, account_id, first, last, ()):
        costs.add(day, rates.convert(micros, currency, day), currency, day)
    return costs


def costs_by_finest(session: Session, account_id: int, first: date, last: date, rates: Rates) -> Costs:
    """Costs by (level, path) of what each amount names: an ad's by its ad, a campaign's without ads by the campaign …"""
    costs = Costs()
    for day, currency, micros, *names in _sums(session, account_id, first, last, _NAMES):
        depth = 3 if names[2] else 2 if names[1] else 1
        path = path_of(*names[:depth]) if depth > 1 else names[0]
        costs.add((LEVELS[depth - 1], path), rates.convert(micros, currency, day), currency, day)
    return costs


def usual_currency(session: Session, account_id: int) -> str:
    """The currency that most of the account's costs are in; "" without costs."""
    query = select(Spend.currency).where(Spend.account_id == account_id).group_by(Spend.currency)
    return session.scalar(query.order_by(func.count().desc(), Spend.currency).limit(1)) or ""


def _sums(session: Session, account_id: int, first: date, last: date, columns: Sequence[Any]) -> Any:
    query = (
        select(Spend.day, Spend.currency, func.sum(Spend.amount_micros), *columns)
        .where(Spend.account_id == account_id, Spend.day >= first, Spend.day <= last)
        .group_by(Spend.day, Spend.currency, *columns)
    )
    for row in session.execute(query):
        yield (row[0], row[1], int(row[2]), *row[3:])
