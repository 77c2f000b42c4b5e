"""The overview's numbers: a handful of grouped queries for the whole account, none per bot or pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, BotStatus, Click
from services.alerts.dead_letters.listing import count_letters
from services.core.times import utc_now
from services.fleet.pools.click_counts import HOUR
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.fleet import PoolCard, pool_cards
from services.reporting.analytics.series import Series, Span, account_series

HEALTHY_PERCENT = 50  # below half a pool is critical


@dataclass(frozen=True)
class Overview:
    """The caller's fleet now. `starts_hour`: clicks of `redirects_hour` that became a start;
    `pools_healthy`: active pools with at least half of their members online."""

    bots_running: int
    bots_total: int
    pools_healthy: int
    pools_total: int
    redirects_hour: int
    starts_hour: int
    dead_letters: int
    pools: list[PoolCard]
    series: Series

    def tiles(self) -> dict[str, int]:
        """The single numbers."""
        return {
            "bots_running": self.bots_running,
            "bots_total": self.bots_total,
            "pools_healthy": self.pools_healthy,
            "pools_total": self.pools_total,
            "redirects_hour": self.redirects_hour,
            "starts_hour": self.starts_hour,
            "dead_letters": self.dead_letters,
        }

    def as_json(self) -> dict[str, Any]:
        """For the panel's scripts."""
        pools = [card.as_json() for card in self.pools]
        return {"tiles": self.tiles(), "pools": pools, "series": self.series.as_json()}


def overview(platform: Platform, caller: Principal, span: Span = Span.HOUR) -> Overview:
    """The caller's own fleet; an admin's overview shows the admin's own things too."""
    now = utc_now()
    cards = pool_cards(platform, caller)
    waiting = count_letters(platform, caller)
    with platform.database.reading() as session:
        running, total = _bots(session, caller.account_id)
        return Overview(
            bots_running=running,
            bots_total=total,
            pools_healthy=_healthy(cards),
            pools_total=len(cards),
            redirects_hour=sum(card.redirects_hour for card in cards),
            starts_hour=_starts(session, [card.id for card in cards], now),
            dead_letters=waiting.open,
            pools=cards,
            series=account_series(session, caller.account_id, span, now),
        )


def _healthy(cards: Sequence[PoolCard]) -> int:
    return sum(card.is_active and card.health >= HEALTHY_PERCENT and card.online > 0 for card in cards)


def _bots(session: Session, account_id: int) -> tuple[int, int]:
    query = (
        select(Bot.status, func.count())
        .where(Bot.account_id == account_id, ~Bot.is_manager)
        .group_by(Bot.status)
    )
    by_status = {status: int(count) for status, count in session.execute(query)}
    return by_status.get(BotStatus.RUNNING, 0), sum(by_status.values())


def _starts(session: Session, pool_ids: Sequence[int], now: datetime) -> int:
    query = select(func.count(Click.started_at)).where(
        Click.pool_id.in_(pool_ids), Click.at > now - HOUR, Click.counted
    )
    return int(session.scalar(query) or 0)
