"""Everything a pool's live page shows in one reading: status, series, funnel, timeline, ban wave."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from models import Click
from services.core.times import utc_now
from services.fleet.health.uptime import Window
from services.fleet.pools.click_counts import HOUR
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.figures import percentage
from services.reporting.analytics.series import Span, pool_series
from services.reporting.analytics.timeline import transitions
from services.reporting.analytics.waves import standing_wave
from services.reporting.pool_status import pool_status

LATEST_TRANSITIONS = 20
LENGTH = {Span.HOUR: HOUR, Span.DAY: 24 * HOUR}


def pool_live(platform: Platform, caller: Principal, pool_id: int, span: Span) -> dict[str, Any]:
    """The live page of one of the caller's pools, series and uptime of the `span`; NotFound for another's."""
    now = utc_now()
    status = pool_status(platform, caller, pool_id, Window(now - LENGTH[span], now), now=now)
    with platform.database.reading() as session:
        return {
            "status": status.as_json(),
            "series": pool_series(session, pool_id, span, now).as_json(),
            "funnel": _funnel(session, pool_id, now),
            "timeline": transitions(session, pool_id, LATEST_TRANSITIONS),
            "wave": standing_wave(session, pool_id),
        }


def _funnel(session: Session, pool_id: int, now: datetime) -> dict[str, Any]:
    """Counted clicks of the last 60 minutes: unique visitors (daily-keyed hashes), those that became a `/start`,
    and their percentage, None without a click."""
    query = select(func.count(), func.count(distinct(Click.unique_hash)), func.count(Click.started_at)).where(
        Click.pool_id == pool_id, Click.at > now - HOUR, Click.counted
    )
    clicks, visitors, starts = session.execute(query).one()
    return {
        "visitors": int(visitors),
        "starts": int(starts),
        "conversion": percentage(starts, clicks),
    }
