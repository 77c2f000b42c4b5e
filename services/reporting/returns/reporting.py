"""Making the report of returns out of costs, rollups and goals; from sums alone, never from single clicks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, ClickBreakdown, ClickRollup, RedirectPool
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.period import Period
from services.reporting.returns import placing
from services.reporting.returns.earning import Income, income, income_by_day
from services.reporting.returns.report import Returns, ReturnsBy, ReturnsReport, ReturnsRow
from services.traffic.clicks.rollups import OTHER
from services.traffic.clicks.source import parts_of
from services.traffic.goals.earnings import EarnedBy
from services.traffic.spend.costing import (
    LEVELS,
    Costs,
    costs_by_day,
    costs_by_finest,
    costs_by_path,
    usual_currency,
)
from services.traffic.spend.rates import Rates, rates_into

USUAL: Final = "USD"  # while there are no costs to tell
Counts = dict[Any, tuple[int, int]]  # clicks and starts by key


def returns(
    platform: Platform, caller: Principal, about: Period, by: ReturnsBy, currency: str = ""
) -> ReturnsReport:
    """The report of the caller's account in `currency`, without one in that of most of its costs."""
    with platform.database.reading() as session:
        into = currency or usual_currency(session, caller.account_id) or USUAL
        asked = _Asked(session, caller.account_id, about, rates_into(session, caller.account_id, into))
        costs, earned, counts = asked.all_by(by)
        names = asked.names(by)
    figures = _joined(costs, earned, counts)
    missing = {**earned.money.missing, **costs.missing}
    for code, day in earned.money.missing.items():
        missing[code] = min(day, missing[code])
    rows = [_row(by, key, found, names) for key, found in figures.items()]
    ordered = sorted(rows, key=lambda row: row.key if by is ReturnsBy.DAY else _order(row))
    return ReturnsReport(about, by, into, ordered, {code: day.isoformat() for code, day in missing.items()})


@dataclass(frozen=True)
class _Asked:
    """A reading of one account and period, in one currency."""

    session: Session
    account_id: int
    about: Period
    rates: Rates

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day that an hour of the period belongs to."""
        hours = (self.about.begin, self.about.hours[-1])
        first, last = (date.fromisoformat(self.about.day_of(hour)) for hour in hours)
        return first, last

    def all_by(self, by: ReturnsBy) -> tuple[Costs, Income, Counts]:
        """Costs, earnings, and clicks with their starts."""
        place = (self.session, self.account_id)
        if by is ReturnsBy.DAY:
            return (
                costs_by_day(*place, *self.days, self.rates),
                income_by_day(*place, self.about, self.rates),
                self._by_day(),
            )
        earned = income(*place, EarnedBy(by), self.about, self.rates)
        if by in LEVELS:
            return costs_by_path(*place, by, *self.days, self.rates), earned, self._by_value(by)
        pools = self._counts(ClickRollup, ClickRollup.pool_id)
        finest = costs_by_finest(*place, *self.days, self.rates)
        placed = placing.by_pool(self.session, pools, self.about, finest.by_key)
        if by is ReturnsBy.POOL:
            return Costs(placed, finest.missing), earned, pools
        bots = placing.by_bot(self.session, self.about, placed)
        return Costs(bots, finest.missing), earned, self._counts(ClickRollup, ClickRollup.bot_id)

    def names(self, by: ReturnsBy) -> Mapping[int, str]:
        """What bots and pools are called."""
        if by is ReturnsBy.POOL:
            query: Any = select(RedirectPool.id, RedirectPool.name)
            mine = RedirectPool.account_id == self.account_id
        elif by is ReturnsBy.BOT:
            query, mine = select(Bot.id, "@" + Bot.username), Bot.account_id == self.account_id
        else:
            return {}
        return {number: name for number, name in self.session.execute(query.where(mine))}  # noqa: C416 - rows are no pairs

    def _by_value(self, dimension: str) -> Counts:
        return self._counts(ClickBreakdown, ClickBreakdown.value, ClickBreakdown.dimension == dimension)

    def _by_day(self) -> Counts:
        found: Counts = {}
        for hour, (clicks, starts) in self._counts(ClickRollup, ClickRollup.hour).items():
            day = date.fromisoformat(self.about.day_of(hour))
            before = found.get(day, (0, 0))
            found[day] = (before[0] + clicks, before[1] + starts)
        return found

    def _counts(self, table: Any, key: Any, *conditions: Any) -> Counts:
        query = (
            select(key, func.sum(table.clicks), func.sum(table.starts))
            .join(RedirectPool, RedirectPool.id == table.pool_id)
            .where(
                RedirectPool.account_id == self.account_id,
                table.hour >= self.about.begin,
                table.hour < self.about.end,
                *conditions,
            )
            .group_by(key)
        )
        return {value: (int(clicks), int(starts)) for value, clicks, starts in self.session.execute(query)}


def _joined(costs: Costs, earned: Income, counts: Counts) -> dict[Any, Returns]:
    found: dict[Any, Returns] = {}

    def of(key: Any) -> Returns:
        return found.setdefault(placing.NOWHERE if key is None else key, Returns())

    for key, (clicks, starts) in counts.items():
        of(key).redirects += clicks
        of(key).starts += starts
    for key, micros in costs.by_key.items():
        of(key).cost_micros += micros
    for key, goals in earned.goals.items():
        of(key).goals += goals
    for key, micros in earned.money.by_key.items():
        of(key).revenue_micros += micros
    return {key: figures for key, figures in found.items() if figures != Returns()}


def _row(by: ReturnsBy, key: Any, figures: Returns, names: Mapping[int, str]) -> ReturnsRow:
    if by is ReturnsBy.DAY:
        return ReturnsRow(key.isoformat(), key.isoformat(), figures)
    if by in (ReturnsBy.BOT, ReturnsBy.POOL):
        gone = f"#{key}" if key else ""
        return ReturnsRow(str(key), names.get(key, gone), figures)
    path = parts_of(key) if by is not ReturnsBy.SOURCE and key != OTHER else ()
    return ReturnsRow(key, " / ".join(path) if path else key, figures, path)


def _order(row: ReturnsRow) -> Any:
    figures = row.figures
    return (-figures.cost_micros, -figures.revenue_micros, -figures.redirects, row.key)
