"""How many people know each bot of an account, and each alone: counted in one pass over an index, and kept for a while.

A person counts as reachable by every bot that they have met as it is now and do not block. Few people are counted at once,
many by a worker, so that no page waits for it and no web process stands still; meanwhile the former counts are shown.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from redis import RedisError
from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, select

from models import Bot, Lead, PoolBot
from services.core.times import utc_now
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, enqueue
from services.traffic.clicks.leads import is_reachable

logger = logging.getLogger(__name__)
FRESH: Final = timedelta(minutes=5)  # people come one by one
KEPT_SECONDS: Final = 86_400  # shown while younger counts are made
ASKED_SECONDS: Final = 130  # a job ends after 120 s; one that was lost is asked for again then
COUNTED_AT_ONCE: Final = (
    20_000  # acquaintances: 20 ms on SQLite, during which its web process does nothing else
)
FIRST_IDENTITY: Final = 1
ACCOUNT: Final = "account"


@dataclass
class Reach:
    """How many people are reachable by some bots together, by each, and by each alone; keys are bot ids as text."""

    people: int = 0
    known: dict[str, int] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)

    def add(self, bots: Sequence[int], number: int) -> None:
        """Count `number` people who know exactly these bots."""
        self.people += number
        for bot in bots:
            self.known[str(bot)] = self.known.get(str(bot), 0) + number
        if len(bots) == 1:
            self.alone[str(bots[0])] = self.alone.get(str(bots[0]), 0) + number


@dataclass(frozen=True)
class Counts:
    """What was counted `at` a moment: by ACCOUNT, and by the ids of pools as text."""

    at: datetime
    reaches: Mapping[str, Reach]


def present_counts(platform: Platform, account_id: int) -> Counts | None:
    """The account's counts, of the last minutes or, while a worker makes younger ones, older; None until it has made the first."""
    kept = _kept(platform, account_id)
    if kept is not None and utc_now() - kept.at < FRESH:
        return kept
    if not _are_many(platform, account_id):
        return count_people(platform, account_id)
    _ask(platform, account_id)
    return kept


def count_people(platform: Platform, account_id: int) -> Counts:
    """Count now, and keep it. Raises Unavailable."""
    at = utc_now()
    with platform.database.reading() as session:
        replaced = session.execute(
            select(Bot.id, Bot.identity).where(Bot.account_id == account_id, Bot.identity != FIRST_IDENTITY)
        )
        members = session.execute(
            select(PoolBot.bot_id, PoolBot.pool_id)
            .join(Bot, Bot.id == PoolBot.bot_id)
            .where(Bot.account_id == account_id)
        ).all()
        acquaintances = session.execute(
            _acquaintances(account_id, {row.id: row.identity for row in replaced})
        ).all()
    places: dict[int, list[str]] = {}
    for bot_id, pool_id in members:
        places.setdefault(bot_id, []).append(str(pool_id))
    counts = Counts(at, _reaches(((_numbers(bots), number) for bots, number in acquaintances), places))
    _keep(platform, account_id, counts)
    return counts


def _kept(platform: Platform, account_id: int) -> Counts | None:
    """The counts of a while ago; None when there are none, or Redis is away."""
    try:
        text = platform.redis.get(keys.lifeboat(account_id))
    except RedisError:
        return None
    if text is None:
        return None
    at, reaches = json.loads(text)
    return Counts(datetime.fromisoformat(at), {place: Reach(**reach) for place, reach in reaches.items()})


def _keep(platform: Platform, account_id: int, counts: Counts) -> None:
    text = json.dumps(
        [counts.at.isoformat(), {place: asdict(reach) for place, reach in counts.reaches.items()}]
    )
    try:
        platform.redis.set(keys.lifeboat(account_id), text, ex=KEPT_SECONDS)
        platform.redis.delete(keys.wakeup("lifeboat", account_id))
    except RedisError:
        logger.warning("the counts are not kept: Redis does not answer")


def _are_many(platform: Platform, account_id: int) -> bool:
    first = select(Lead.id).where(Lead.account_id == account_id).limit(COUNTED_AT_ONCE + 1).subquery()
    with platform.database.reading() as session:
        return (session.scalar(select(func.count()).select_from(first)) or 0) > COUNTED_AT_ONCE


def _ask(platform: Platform, account_id: int) -> None:
    """Have a worker count, unless one was asked already."""
    try:
        if platform.redis.set(keys.wakeup("lifeboat", account_id), "1", nx=True, ex=ASKED_SECONDS):
            enqueue(platform.job_redis, JobName.COUNT_PEOPLE, account_id)
    except RedisError:
        logger.warning("nobody counts: Redis does not answer")


def _acquaintances(account_id: int, replaced: Mapping[int, int]) -> Select[Any]:
    """Bots, as one text -> how many people know exactly them."""
    bots = func.aggregate_strings(cast(Lead.bot_id, String), ",").label("bots")
    people = (
        select(bots)
        .where(Lead.account_id == account_id, _is_met_as_it_is(replaced))
        .group_by(Lead.telegram_id)
        .subquery()
    )
    return select(people.c.bots, func.count()).group_by(people.c.bots)


def _is_met_as_it_is(replaced: Mapping[int, int]) -> ColumnElement[bool]:
    """The condition of leads whose bot is who they met: nearly all bots have their first identity, and a join would be half the work."""
    bots_of: dict[int, list[int]] = {}
    for bot, identity in replaced.items():
        bots_of.setdefault(identity, []).append(bot)
    return or_(
        and_(is_reachable(FIRST_IDENTITY), Lead.bot_id.not_in(list(replaced)))
        if replaced
        else is_reachable(FIRST_IDENTITY),
        *(and_(is_reachable(identity), Lead.bot_id.in_(bots)) for identity, bots in bots_of.items()),
    )


def _numbers(bots: str) -> list[int]:
    return [int(bot) for bot in bots.split(",")]


def _reaches(
    acquaintances: Iterable[tuple[list[int], int]], places: Mapping[int, Sequence[str]]
) -> dict[str, Reach]:
    reaches: dict[str, Reach] = {}
    for bots_known, number in acquaintances:
        within: dict[str, list[int]] = {ACCOUNT: bots_known}
        for bot in bots_known:
            for place in places.get(bot, ()):
                within.setdefault(place, []).append(bot)
        for place, known in within.items():
            reaches.setdefault(place, Reach()).add(known, number)
    return reaches
