"""What is left after the loss of one bot: who could still be written to through another, and which pool has no spare.

A person counts as reachable by every bot that they have met as it is now and do not block. Who knows one bot alone is lost
with it. Counted in two grouped queries whatever the number of bots, over an index; Redis keeps the counts for a while.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final

from redis import RedisError
from sqlalchemy import Select, String, cast, func, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, Lead, PoolBot, RedirectPool
from services.core.answer_types import Moment, one_of
from services.core.times import iso, utc_now
from services.fleet.pools.spares import stands_by
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.leads import is_reachable

logger = logging.getLogger(__name__)
KEPT_SECONDS: Final = (
    300  # how old counts may be: people come one by one, and a million take seconds to count
)
ENOUGH_PERCENT: Final = 50  # below half, one ban costs a pool most of its people
ACCOUNT: Final = "account"


class Advice(StrEnum):
    """What to do next for a pool, the most pressing first."""

    ADD_BOT = "add_bot"  # fewer than two bots: the loss of one is the loss of all
    ADD_SPARE = "add_spare"  # fewer backups than wanted, one at least, stand by for a ban wave
    INVITE = "invite"  # most people know one of its bots only
    READY = "ready"


class BotLossView(TypedDict):
    """The loss of one bot. `people` know it, `alone` of them know no other; `stays_percent` of all stay reachable (null: nobody yet)."""

    bot_id: int
    username: str
    people: int
    alone: int
    stays_percent: int | None


class PoolLossView(TypedDict):
    """A pool: its people, what stays of them after its worst loss (`worst`, null without people), and spares that stand by, of those wanted."""

    pool_id: int
    name: str
    bots: int
    spares: int
    spares_wanted: int
    people: int
    worst: BotLossView | None
    advice: Annotated[str, one_of(Advice)]


class LifeboatView(TypedDict):
    """The account as a whole and each pool, the worst losses first; counted at `counted_at`."""

    people: int
    counted_at: Moment
    bots: list[BotLossView]
    pools: list[PoolLossView]


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


def lifeboat(platform: Platform, caller: Principal) -> LifeboatView:
    """The caller's own account after the loss of each bot, for account and pools."""
    with platform.database.reading() as session:
        names = {
            row.id: row.username for row in session.execute(select(Bot.id, Bot.username).where(_own(caller)))
        }
        pools = session.execute(
            select(RedirectPool.id, RedirectPool.name, RedirectPool.spare_count).where(
                RedirectPool.account_id == caller.account_id
            )
        ).all()
        members = _members(session, caller)
    counted_at, reaches = _kept(platform, caller.account_id) or _count(platform, caller.account_id, members)
    whole = reaches.get(ACCOUNT, Reach())
    views = [
        _pool(pool_id, name, wanted, members.get(pool_id, {}), reaches.get(str(pool_id), Reach()), names)
        for pool_id, name, wanted in pools
    ]
    return {
        "people": whole.people,
        "counted_at": counted_at,
        "bots": sorted((_loss(bot, name, whole) for bot, name in names.items()), key=_gravest),
        "pools": sorted(views, key=lambda pool: (list(Advice).index(Advice(pool["advice"])), pool["name"])),
    }


def _own(caller: Principal) -> Any:
    return Bot.account_id == caller.account_id


def _members(session: Session, caller: Principal) -> dict[int, dict[int, bool]]:
    """Pool id -> bot id -> whether it stands by as a spare that could step in now."""
    query = select(PoolBot, Bot.desired_running).join(Bot, Bot.id == PoolBot.bot_id)
    found: dict[int, dict[int, bool]] = {}
    for member, running in session.execute(query.where(_own(caller))):
        found.setdefault(member.pool_id, {})[member.bot_id] = stands_by(member, running=running)
    return found


def _kept(platform: Platform, account_id: int) -> tuple[str, dict[str, Reach]] | None:
    """The counts of a while ago; None when there are none, or Redis is away."""
    try:
        text = platform.redis.get(keys.lifeboat(account_id))
    except RedisError:
        return None
    if text is None:
        return None
    at, reaches = json.loads(text)
    return at, {place: Reach(**reach) for place, reach in reaches.items()}


def _count(
    platform: Platform, account_id: int, members: Mapping[int, Mapping[int, bool]]
) -> tuple[str, dict[str, Reach]]:
    at = iso(utc_now()) or ""
    with platform.database.reading() as session:
        acquaintances = [
            *(([bot], number) for bot, number in session.execute(_of_one_bot(account_id))),
            *((_numbers(bots), number) for bots, number in session.execute(_of_several(account_id))),
        ]
    reaches = _reaches(acquaintances, members)
    kept = json.dumps([at, {place: asdict(reach) for place, reach in reaches.items()}])
    try:
        platform.redis.set(keys.lifeboat(account_id), kept, ex=KEPT_SECONDS)
    except RedisError:
        logger.warning("the counts are not kept: Redis does not answer")
    return at, reaches


def _of_one_bot(account_id: int) -> Select[Any]:
    """Bot -> how many people know it alone."""
    people = _people(func.min(Lead.bot_id).label("bots"), account_id).having(func.count() == 1).subquery()
    return select(people.c.bots, func.count()).group_by(people.c.bots)


def _of_several(account_id: int) -> Select[Any]:
    """Bots, as one text -> how many people know exactly them."""
    together = func.aggregate_strings(cast(Lead.bot_id, String), ",").label("bots")
    people = _people(together, account_id).having(func.count() > 1).subquery()
    return select(people.c.bots, func.count()).group_by(people.c.bots)


def _people(column: Any, account_id: int) -> Select[Any]:
    query = select(column).join(Bot, Bot.id == Lead.bot_id)
    query = query.where(Lead.account_id == account_id, is_reachable(Bot.identity))
    return query.group_by(Lead.telegram_id)


def _numbers(bots: str) -> list[int]:
    return [int(bot) for bot in bots.split(",")]


def _reaches(
    acquaintances: Iterable[tuple[list[int], int]], members: Mapping[int, Mapping[int, bool]]
) -> dict[str, Reach]:
    places: dict[int, list[str]] = {}
    for pool_id, bots in members.items():
        for bot in bots:
            places.setdefault(bot, []).append(str(pool_id))
    reaches: dict[str, Reach] = {}
    for bots_known, number in acquaintances:
        within: dict[str, list[int]] = {ACCOUNT: bots_known}
        for bot in bots_known:
            for place in places.get(bot, ()):
                within.setdefault(place, []).append(bot)
        for place, known in within.items():
            reaches.setdefault(place, Reach()).add(known, number)
    return reaches


def _loss(bot_id: int, username: str, reach: Reach) -> BotLossView:
    alone = reach.alone.get(str(bot_id), 0)
    return {
        "bot_id": bot_id,
        "username": username,
        "people": reach.known.get(str(bot_id), 0),
        "alone": alone,
        "stays_percent": (reach.people - alone) * 100 // reach.people if reach.people else None,
    }


def _gravest(loss: BotLossView) -> tuple[int, int, str]:
    return -loss["alone"], -loss["people"], loss["username"]


def _pool(
    pool_id: int,
    name: str,
    wanted: int,
    members: Mapping[int, bool],
    reach: Reach,
    names: Mapping[int, str],
) -> PoolLossView:
    losses = sorted((_loss(bot, names.get(bot, ""), reach) for bot in members), key=_gravest)
    worst = losses[0] if losses and reach.people else None
    spares = sum(members.values())
    return {
        "pool_id": pool_id,
        "name": name,
        "bots": len(members),
        "spares": spares,
        "spares_wanted": wanted,
        "people": reach.people,
        "worst": worst,
        "advice": _advice(len(members), spares < max(1, wanted), worst),
    }


def _advice(bots: int, lacks_spares: bool, worst: BotLossView | None) -> Advice:
    if bots < 2:
        return Advice.ADD_BOT
    if lacks_spares:
        return Advice.ADD_SPARE
    stays = worst["stays_percent"] if worst else None
    return Advice.INVITE if stays is not None and stays < ENOUGH_PERCENT else Advice.READY
