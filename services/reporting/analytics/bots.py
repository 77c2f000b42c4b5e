"""The bots of an account with the pools they are in, for lists: four queries, however many bots there are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import select

from models import Bot, PoolBot, RedirectPool
from services.fleet.bots.registry import list_bots
from services.fleet.bots.views import describe
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.bot_condition import conditions_of


def bots_with_pools(platform: Platform, caller: Principal) -> list[dict[str, Any]]:
    """The caller's bots, oldest first, each as the API describes it, with its condition and `pools`: [{id, name, slug}]."""
    query = (
        select(PoolBot.bot_id, RedirectPool.id, RedirectPool.name, RedirectPool.slug)
        .join(RedirectPool, PoolBot.pool_id == RedirectPool.id)
        .where(RedirectPool.account_id == caller.account_id)
        .order_by(RedirectPool.id)
    )
    pools: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    with platform.database.reading() as session:
        for bot_id, pool_id, name, slug in session.execute(query):
            pools[bot_id].append({"id": pool_id, "name": name, "slug": slug})
        bots = list_bots(platform, caller)
        conditions = conditions_of(session, bots)
    return [{**describe(bot), **conditions[bot.id], "pools": pools[bot.id]} for bot in bots]


def bot_with_condition(platform: Platform, bot: Bot) -> dict[str, Any]:
    """One bot as the API describes it, with its condition."""
    with platform.database.reading() as session:
        return {**describe(bot), **conditions_of(session, [bot])[bot.id]}
