"""The bots of an account with the pools they are in, for lists: three queries, however many bots there are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import select

from models import PoolBot, RedirectPool
from services.fleet.bots.registry import list_bots
from services.fleet.bots.views import describe
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


def bots_with_pools(platform: Platform, caller: Principal) -> list[dict[str, Any]]:
    """The caller's bots, oldest first, each as the API describes it and with `pools`: [{id, name, slug}]."""
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
    return [{**describe(bot), "pools": pools[bot.id]} for bot in list_bots(platform, caller)]
