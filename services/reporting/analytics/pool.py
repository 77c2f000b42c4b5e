"""A pool's analytics of a period, from the rollups alone: a month over millions of clicks is some hundred rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import (
    Bot,
    ClickBreakdown,
    ClickRollup,
    Goal,
    MemberStatus,
    PoolBot,
    PoolBotTransition,
    RedirectPool,
    RefusedClicks,
)
from services.core.times import utc_now
from services.fleet.health.durations import Durations, durations
from services.fleet.health.uptime import Window
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.figures import percentage, percentile
from services.reporting.analytics.period import Period
from services.reporting.analytics.report import (
    ALL_COLUMNS,
    BOT_COLUMNS,
    UPTIME,
    By,
    Figures,
    MemberFigures,
    PoolAnalytics,
    Row,
    credit,
    time_rows,
    value_row,
)
from services.reporting.pool_status import MemberStatusView, pool_status
from services.traffic.goals.earnings import Earnings

LOST = (MemberStatus.OFFLINE, MemberStatus.BANNED)
LATE = 0.95  # the percentile shown of check durations
_ROLLUP = (ClickRollup.clicks, ClickRollup.uncounted, ClickRollup.visitors, ClickRollup.starts)
_BREAKDOWN = (ClickBreakdown.clicks, ClickBreakdown.visitors, ClickBreakdown.starts)


def pool_analytics(
    platform: Platform,
    caller: Principal,
    pool_id: int,
    about: Period,
    by: By,
    *,
    also: Sequence[By] = (),
    now: datetime | None = None,
) -> PoolAnalytics:
    """The report of one of the caller's pools; NotFound for another's. `also` adds further breakdowns."""
    now = now or utc_now()
    status = pool_status(platform, caller, pool_id, Window(about.begin, about.end), now=now)
    with platform.database.reading() as session:
        earnings = Earnings(session, [Goal.pool_id == pool_id], [(about.begin, about.end)])
        asked = _Asked(session, pool_id, about, earnings)
        by_bot = _by_bot(asked)
        uptime = {member.bot_id: member.uptime_percent for member in status.members}
        refused = _refused(session, pool_id, about)
        rows = {kind: _rows(asked, kind, by_bot, uptime, refused) for kind in (by, *also)}
        losses = _losses(session, pool_id, about)
        checks = durations(session, [one.bot_id for one in status.members], about.begin, about.end)
    totals = Figures(refused=sum(refused.values()))
    for figures in by_bot.values():
        totals += figures
    members = [_member(one, by_bot, totals, losses, checks.get(one.bot_id)) for one in status.members]
    return PoolAnalytics(about, by, status, totals, rows.pop(by), members, rows)


@dataclass(frozen=True)
class _Asked:
    """A reading of a pool's rollups and goals."""

    session: Session
    pool_id: int
    about: Period
    earnings: Earnings

    def credited(self, found: dict[Any, Figures], by: str) -> dict[Any, Figures]:
        """With what the same clicks earned."""
        return credit(found, self.earnings.by(by, self.about.begin, self.about.end))


def _by_bot(asked: _Asked) -> dict[int, Figures]:
    session, pool_id, about = asked.session, asked.pool_id, asked.about
    query: Any = (
        select(ClickRollup.bot_id, *(func.sum(column) for column in _ROLLUP))
        .where(ClickRollup.pool_id == pool_id, ClickRollup.hour >= about.begin, ClickRollup.hour < about.end)
        .group_by(ClickRollup.bot_id)
        .order_by(ClickRollup.bot_id)
    )
    found = {row[0]: _figures(row[0], *row[1:]) for row in session.execute(query)}
    return asked.credited(found, "bot")


def _rows(
    asked: _Asked,
    by: By,
    by_bot: Mapping[int, Figures],
    uptime: Mapping[int, float | None],
    refused: Mapping[datetime, int],
) -> list[Row]:
    if by is By.BOT:
        return _bot_rows(asked.session, asked.pool_id, by_bot, uptime)
    if by in (By.HOUR, By.DAY):
        by_hour = _by_hour(asked, refused)
        return time_rows(by_hour, asked.about, days=by is By.DAY, columns=ALL_COLUMNS)
    return _value_rows(asked, by)


def _by_hour(asked: _Asked, refused: Mapping[datetime, int]) -> dict[datetime, Figures]:
    """Two sums per hour: of the bots and of the fallback, which alone answers nobody."""
    session, pool_id, about = asked.session, asked.pool_id, asked.about
    fallback = ClickRollup.bot_id == 0
    query: Any = (
        select(ClickRollup.hour, fallback, *(func.sum(column) for column in _ROLLUP))
        .where(ClickRollup.pool_id == pool_id, ClickRollup.hour >= about.begin, ClickRollup.hour < about.end)
        .group_by(ClickRollup.hour, fallback)
    )
    found: dict[datetime, Figures] = {}
    for row in session.execute(query):
        figures = found.setdefault(row[0], Figures())
        figures += _figures(0 if row[1] else 1, *row[2:])
    for hour, count in refused.items():
        found.setdefault(hour, Figures()).refused = count
    return asked.credited(found, "hour")


def _refused(session: Session, pool_id: int, about: Period) -> dict[datetime, int]:
    query = select(RefusedClicks.hour, RefusedClicks.refused).where(
        RefusedClicks.pool_id == pool_id, RefusedClicks.hour >= about.begin, RefusedClicks.hour < about.end
    )
    return {hour: refused for hour, refused in session.execute(query)}  # noqa: C416 - rows are no pairs


def _value_rows(asked: _Asked, by: By) -> list[Row]:
    session, pool_id, about = asked.session, asked.pool_id, asked.about
    query: Any = (
        select(ClickBreakdown.value, *(func.sum(column) for column in _BREAKDOWN))
        .where(
            ClickBreakdown.pool_id == pool_id,
            ClickBreakdown.dimension == str(by),
            ClickBreakdown.hour >= about.begin,
            ClickBreakdown.hour < about.end,
        )
        .group_by(ClickBreakdown.value)
    )
    found = {
        value: Figures(int(clicks), visitors=int(visitors), starts=int(starts))
        for value, clicks, visitors, starts in session.execute(query)
    }
    asked.credited(found, str(by))
    ordered = sorted(found.items(), key=lambda item: (-item[1].redirects, item[0]))
    return [value_row(by, value, figures) for value, figures in ordered]


def _bot_rows(
    session: Session, pool_id: int, by_bot: Mapping[int, Figures], uptime: Mapping[int, float | None]
) -> list[Row]:
    owner = select(RedirectPool.account_id).where(RedirectPool.id == pool_id).scalar_subquery()
    query = select(Bot.id, Bot.username).where(Bot.id.in_(by_bot), Bot.account_id == owner)
    names = {bot_id: f"@{username}" for bot_id, username in session.execute(query)}
    names[0] = "fallback"
    ordered = sorted(by_bot.items(), key=lambda item: (-item[1].redirects, item[0]))
    return [
        Row(str(bot_id), names.get(bot_id, "deleted"), figures, BOT_COLUMNS, {UPTIME: uptime.get(bot_id)})
        for bot_id, figures in ordered
    ]


def _losses(session: Session, pool_id: int, about: Period) -> Counter[int]:
    query = (
        select(PoolBot.bot_id, func.count())
        .join(PoolBotTransition, PoolBotTransition.pool_bot_id == PoolBot.id)
        .where(
            PoolBot.pool_id == pool_id,
            PoolBotTransition.at >= about.begin,
            PoolBotTransition.at < about.end,
            PoolBotTransition.to_status.in_(LOST),
            PoolBotTransition.from_status.not_in(LOST),
        )
        .group_by(PoolBot.bot_id)
    )
    return Counter({bot_id: int(count) for bot_id, count in session.execute(query)})


def _figures(bot_id: int, clicks: Any, uncounted: Any, visitors: Any, starts: Any) -> Figures:
    redirects = int(clicks)
    return Figures(redirects, redirects if bot_id else 0, int(uncounted), int(visitors), int(starts))


def _member(
    member: MemberStatusView,
    by_bot: Mapping[int, Figures],
    totals: Figures,
    losses: Mapping[int, int],
    checks: Durations | None,
) -> MemberFigures:
    mine = by_bot.get(member.bot_id, Figures())
    late = percentile(checks.classes, LATE) if checks else None
    return MemberFigures(
        bot_id=member.bot_id,
        username=member.username,
        status=member.status,
        state=member.state,
        redirects=mine.redirects,
        share=percentage(mine.redirects, totals.redirects),
        visitors=mine.visitors,
        starts=mine.starts,
        conversion=mine.conversion,
        uptime_percent=member.uptime_percent,
        losses=losses.get(member.bot_id, 0),
        checks=checks.checks if checks else 0,
        check_mean_ms=checks.mean_ms if checks else None,
        check_p95_ms=round(late) if late is not None else None,
        last_failures=member.last_failures,
    )
