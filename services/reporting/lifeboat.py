"""What is left after the loss of one bot: who could still be written to through another, and which pool has no spare.

Who knows one bot alone is lost with it; `reach` counts who knows which.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Bot, PoolBot, RedirectPool
from services.core.answer_types import Moment, one_of
from services.core.times import iso
from services.fleet.pools.spares import stands_by
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.reach import ACCOUNT, Reach, present_counts

ENOUGH_PERCENT: Final = 50  # below half, one ban costs a pool most of its people


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
    """The account as a whole and each pool, the worst losses first.

    Counted at `counted_at`; null, and no people anywhere, while many are counted for the first time: ask again in a few seconds.
    """

    people: int
    counted_at: Moment | None
    bots: list[BotLossView]
    pools: list[PoolLossView]


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
    counts = present_counts(platform, caller.account_id)
    reaches = counts.reaches if counts else {}
    whole = reaches.get(ACCOUNT, Reach())
    views = [
        _pool(pool_id, name, wanted, members.get(pool_id, {}), reaches.get(str(pool_id), Reach()), names)
        for pool_id, name, wanted in pools
    ]
    return {
        "people": whole.people,
        "counted_at": iso(counts.at) if counts else None,
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
