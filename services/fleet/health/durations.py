"""How long checks take: one small row per bot, hour and class of duration, written once per round of checks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import CheckDuration
from services.core.times import hour_of
from services.fleet.health.breaker import CheckOutcome
from services.platform.database import insert_of

# Upper bounds of the classes in milliseconds, closer together where a healthy Bot API answers.
CLASSES: Final = (25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 30_000)


@dataclass(frozen=True)
class Durations:
    """Checks of one bot: how many, their mean in milliseconds, and their number by class (upper bound)."""

    checks: int
    mean_ms: int
    classes: Mapping[int, int]


def record_durations(session: Session, outcomes: Mapping[int, CheckOutcome], now: datetime) -> None:
    """Add a round's durations, good or not, in the caller's transaction; one statement."""
    values = [
        {
            "bot_id": bot_id,
            "hour": hour_of(now),
            "le_ms": class_of(outcome.ms),
            "checks": 1,
            "total_ms": outcome.ms,
        }
        for bot_id, outcome in sorted(outcomes.items())
        if outcome.ms  # the sweep gave up on it: no duration is known
    ]
    if not values:
        return
    statement = insert_of(session, CheckDuration)
    added = {
        "checks": CheckDuration.checks + statement.excluded.checks,
        "total_ms": CheckDuration.total_ms + statement.excluded.total_ms,
    }
    key = ["bot_id", "hour", "le_ms"]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=added), values)


def durations(
    session: Session, bot_ids: Collection[int], begin: datetime, end: datetime
) -> dict[int, Durations]:
    """What the checks of these bots took from `begin` to `end` (whole hours), in one query."""
    query = (
        select(
            CheckDuration.bot_id,
            CheckDuration.le_ms,
            func.sum(CheckDuration.checks),
            func.sum(CheckDuration.total_ms),
        )
        .where(CheckDuration.bot_id.in_(bot_ids), CheckDuration.hour >= begin, CheckDuration.hour < end)
        .group_by(CheckDuration.bot_id, CheckDuration.le_ms)
    )
    classes: defaultdict[int, dict[int, int]] = defaultdict(dict)
    total_ms: Counter[int] = Counter()
    for bot_id, le_ms, checks, ms in session.execute(query):
        classes[bot_id][le_ms] = int(checks)
        total_ms[bot_id] += int(ms)
    return {bot_id: _summed(found, total_ms[bot_id]) for bot_id, found in classes.items()}


def class_of(ms: int) -> int:
    """The upper bound of the class that a duration belongs to."""
    return CLASSES[min(bisect_left(CLASSES, ms), len(CLASSES) - 1)]


def _summed(classes: Mapping[int, int], total_ms: int) -> Durations:
    checks = sum(classes.values())
    return Durations(checks, round(total_ms / checks), classes)
