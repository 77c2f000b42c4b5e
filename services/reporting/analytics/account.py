"""Analytics over all pools of an account, or over a segment of their clicks; from the rollups alone.

A query sums a period and the one before at once: every figure is a pair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from models import ClickBreakdown, ClickRollup, Goal, RedirectPool, RefusedClicks
from services.core.times import utc_now
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.reporting.analytics.account_report import TIMES, AccountAnalytics, AccountBy, Pair
from services.reporting.analytics.figures import change
from services.reporting.analytics.period import Period
from services.reporting.analytics.report import (
    ALL_COLUMNS,
    VALUE_COLUMNS,
    Figures,
    Row,
    time_rows,
    value_row,
)
from services.reporting.analytics.segment import PATH, Segment
from services.traffic.clicks.source import path_of
from services.traffic.goals.earnings import Earnings

EVERYTHING: Final = Segment()
Pools = Mapping[int, str]


def account_analytics(
    platform: Platform,
    caller: Principal,
    about: Period,
    by: AccountBy,
    segment: Segment = EVERYTHING,
    *,
    also: Sequence[AccountBy] = (),
    now: datetime | None = None,
) -> AccountAnalytics:
    """The report of the caller's clicks in `segment`; NotFound for another's pool.

    Raises InvalidInput for a segment that is not kept by what `by` wants; of `also` such ones are left out.
    """
    former = about.former(now or utc_now())
    segment.check(by)
    with looking(platform, caller) as session:
        pools = _pools(session, caller, segment)
        asked = _Asked(session, about, former, segment, tuple(pools))
        by_pool = asked.by_pool()
        wanted = [kind for kind in (by, *also) if segment.is_kept_by(kind)]
        rows = {kind: _rows(asked, kind, by_pool, pools) for kind in wanted}
    totals = Pair()
    for pair in by_pool.values():
        totals.add(pair)
    return AccountAnalytics(about, former, by, asked.columns, totals, rows.pop(by), rows)


def _pools(session: Session, caller: Principal, segment: Segment) -> Pools:
    """The names of the pools that are meant, by id."""
    if segment.pool_id is not None:
        pool = get_owned(session, caller, RedirectPool, segment.pool_id)
        return {pool.id: pool.name}
    query = select(RedirectPool.id, RedirectPool.name).where(RedirectPool.account_id == caller.account_id)
    return {pool_id: name for pool_id, name in session.execute(query)}  # noqa: C416 - rows are no pairs


@dataclass(frozen=True)
class _Asked:
    """A reading of the rollups: of which pools, times and segment."""

    session: Session
    about: Period
    former: Period
    segment: Segment
    pools: tuple[int, ...]

    @property
    def columns(self) -> Sequence[str]:
        """The figures that are kept of such clicks."""
        return VALUE_COLUMNS if self.segment.kept_as else ALL_COLUMNS

    def by_pool(self) -> dict[int, Pair]:
        """The figures of each pool that has any."""
        if kept := self.segment.kept_as:
            return self._credited(
                self._pairs(ClickBreakdown, ClickBreakdown.pool_id, *_exactly(*kept)), "pool"
            )
        found = self._credited(self._pairs(ClickRollup, ClickRollup.pool_id), "pool")
        for pool_id, is_now, refused in self._refused(RefusedClicks.pool_id):
            found.setdefault(pool_id, Pair()).of(is_now).refused = refused
        return found

    def by_hour(self) -> dict[datetime, Figures]:
        """The figures of each hour of the period that has any."""
        if kept := self.segment.kept_as:
            pairs = self._pairs(ClickBreakdown, ClickBreakdown.hour, *_exactly(*kept))
        else:
            pairs = self._pairs(ClickRollup, ClickRollup.hour)
            for hour, is_now, refused in self._refused(RefusedClicks.hour):
                pairs.setdefault(hour, Pair()).of(is_now).refused = refused
        self._credited(pairs, "hour")
        return {hour: pair.now for hour, pair in pairs.items()}

    def by_value(self, dimension: str) -> dict[str, Pair]:
        """The figures of each value of a dimension that the segment is kept by."""
        kept, depth = self.segment.kept_as, PATH.index(dimension) + 1 if dimension in PATH else 0
        given = self.segment.path
        if kept is None:
            every = self._pairs(ClickBreakdown, ClickBreakdown.value, ClickBreakdown.dimension == dimension)
            return self._credited(every, dimension)
        if depth > len(given) > 0:  # what stands below it
            prefix = f"{path_of(*given)}/"
            # No LIKE: SQLite's takes capitals for small letters.
            below = func.substr(ClickBreakdown.value, 1, len(prefix)) == prefix
            found = self._pairs(
                ClickBreakdown, ClickBreakdown.value, ClickBreakdown.dimension == dimension, below
            )
            return self._credited(found, dimension)
        own = given[0] if depth == 1 else path_of(*given[:depth]) if depth else kept[1]
        whole = Pair()
        for pair in self.by_pool().values():
            whole.add(pair)
        return {own: whole}

    def _credited(self, pairs: dict[Any, Pair], by: str) -> dict[Any, Pair]:
        """With what the same clicks earned, in both periods."""
        for about in (self.about, self.former):
            for key, more in self._earnings.by(by, about.begin, about.end).items():
                pairs.setdefault(key, Pair()).of(about is self.about).earned.add(more)
        return pairs

    @cached_property
    def _earnings(self) -> Earnings:
        own = [Goal.pool_id.in_(self.pools), *_of_segment(self.segment)]
        times = [(about.begin, about.end) for about in (self.about, self.former)]
        return Earnings(self.session, own, times)

    def _pairs(self, table: Any, key: Any, *conditions: ColumnElement[bool]) -> dict[Any, Pair]:
        is_now = table.hour >= self.about.begin
        query = (
            select(key, is_now, *_sums(table))
            .where(table.pool_id.in_(self.pools), self._in_time(table.hour), *conditions)
            .group_by(key, is_now)
        )
        found: defaultdict[Any, Pair] = defaultdict(Pair)
        for value, now, clicks, visitors, starts, uncounted, answered in self.session.execute(query):
            figures = found[value].of(now)
            figures += Figures(int(clicks), int(answered), int(uncounted), int(visitors), int(starts))
        return dict(found)

    def _refused(self, key: Any) -> list[Any]:
        is_now = RefusedClicks.hour >= self.about.begin
        query = (
            select(key, is_now, func.sum(RefusedClicks.refused))
            .where(RefusedClicks.pool_id.in_(self.pools), self._in_time(RefusedClicks.hour))
            .group_by(key, is_now)
        )
        return [(value, now, int(refused)) for value, now, refused in self.session.execute(query)]

    def _in_time(self, hour: Any) -> ColumnElement[bool]:
        return or_(
            and_(hour >= self.about.begin, hour < self.about.end),
            and_(hour >= self.former.begin, hour < self.former.end),
        )


def _sums(table: Any) -> list[ColumnElement[int]]:
    """Clicks, visitors, starts, uncounted, answered; of a breakdown the last two are not kept."""
    known = [func.sum(table.clicks), func.sum(table.visitors), func.sum(table.starts)]
    if table is ClickBreakdown:
        return [*known, func.sum(0), func.sum(0)]
    answered = func.sum(case((ClickRollup.bot_id != 0, ClickRollup.clicks), else_=0))
    return [*known, func.sum(ClickRollup.uncounted), answered]


def _of_segment(segment: Segment) -> list[ColumnElement[bool]]:
    """The condition on goals that the segment's is on clicks; the pool's stands beside it."""
    wanted = {
        Goal.click_source: segment.source,
        Goal.campaign: segment.campaign,
        Goal.ad: segment.ad,
        Goal.country: segment.country,
        Goal.device: segment.device,
    }
    return [column == value for column, value in wanted.items() if value is not None]


def _exactly(dimension: str, value: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ClickBreakdown.dimension == dimension, ClickBreakdown.value == value


def _rows(asked: _Asked, by: AccountBy, by_pool: Mapping[int, Pair], pools: Pools) -> list[Row]:
    if by in TIMES:
        days = by is AccountBy.DAY
        return time_rows(asked.by_hour(), asked.about, days=days, columns=asked.columns)
    if by is AccountBy.POOL:
        rows = [
            Row(str(pool_id), pools[pool_id], pair.now, asked.columns, _against(pair))
            for pool_id, pair in by_pool.items()
        ]
    else:
        rows = [
            value_row(str(by), value, pair.now, _against(pair)) for value, pair in asked.by_value(by).items()
        ]
    return sorted(rows, key=lambda row: (-row.figures.redirects, -row.further["former_redirects"], row.key))


def _against(pair: Pair) -> dict[str, Any]:
    before = pair.before.redirects
    return {"former_redirects": before, "change": change(pair.now.redirects, before)}
