"""Costs of sources, campaigns and ads placed upon the pools and bots that their clicks reached.

Of what an ad cost each pool bears the part that it had of the ad's clicks in the period; of a pool's part each of its bots
that of the pool's clicks. What brought no click stands by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import ClickBreakdown, ClickRollup
from services.reporting.analytics.period import Period
from services.reporting.returns.shares import shares

NOWHERE: Final = 0  # the key of what brought no click
Path = tuple[str, str]  # dimension and value, as the breakdowns keep it
AT_ONCE: Final = 500


def by_pool(
    session: Session, pools: Iterable[int], about: Period, costs: Mapping[Path, int]
) -> dict[int, int]:
    """Costs by pool; the sum is that of `costs`."""
    clicks = _clicks(session, tuple(pools), about, costs)
    found: defaultdict[int, int] = defaultdict(int)
    for path, micros in costs.items():
        for pool_id, part in (shares(micros, clicks.get(path, {})) or {NOWHERE: micros}).items():
            found[pool_id] += part
    return dict(found)


def by_bot(session: Session, about: Period, pool_costs: Mapping[int, int]) -> dict[int, int]:
    """Costs of pools by bot, those of clicks that a fallback answered among `NOWHERE`; the sum stays."""
    clicks: defaultdict[int, dict[int, int]] = defaultdict(dict)
    query = (
        select(ClickRollup.pool_id, ClickRollup.bot_id, func.sum(ClickRollup.clicks))
        .where(
            ClickRollup.pool_id.in_(pool_costs),
            ClickRollup.hour >= about.begin,
            ClickRollup.hour < about.end,
        )
        .group_by(ClickRollup.pool_id, ClickRollup.bot_id)
    )
    for pool_id, bot_id, count in session.execute(query):
        clicks[pool_id][bot_id] = int(count)
    found: defaultdict[int, int] = defaultdict(int)
    for pool_id, micros in pool_costs.items():
        for bot_id, part in (shares(micros, clicks[pool_id]) or {NOWHERE: micros}).items():
            found[bot_id] += part
    return dict(found)


def _clicks(
    session: Session, pools: tuple[int, ...], about: Period, paths: Iterable[Path]
) -> dict[Path, dict[int, int]]:
    """Clicks of each path by pool."""
    values: defaultdict[str, list[str]] = defaultdict(list)
    for dimension, value in paths:
        values[dimension].append(value)
    found: defaultdict[Path, dict[int, int]] = defaultdict(dict)
    row = ClickBreakdown
    for dimension, wanted in values.items():
        for begin in range(0, len(wanted), AT_ONCE):
            query = (
                select(row.value, row.pool_id, func.sum(row.clicks))
                .where(
                    row.pool_id.in_(pools),
                    row.dimension == dimension,
                    row.hour >= about.begin,
                    row.hour < about.end,
                    row.value.in_(wanted[begin : begin + AT_ONCE]),
                )
                .group_by(row.value, row.pool_id)
            )
            for value, pool_id, count in session.execute(query):
                found[dimension, value][pool_id] = int(count)
    return found
