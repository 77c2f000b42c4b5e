"""What a click would do, without doing it (A5): the decision with everything it was made from."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from services.accounts.caller import Caller
from services.clicks.facts import ClickFacts
from services.clicks.redirect import Redirector, Route
from services.errors import NotFound
from services.platform import Platform
from services.pools.choose import Prepared, choose, obstacle
from services.pools.model import MemberSnapshot, PoolSnapshot
from services.pools.strategies import turn
from services.redis import keys


def dry_run(
    platform: Platform, road: Redirector, caller: Caller, slug: str, environ: Mapping[str, Any]
) -> dict[str, Any]:
    """The decision for this request as JSON; nothing is counted, no turn is taken. NotFound for a foreign pool."""
    road.start()
    pool = road.book.get(slug.lower())
    if pool is None or (pool.account_id != caller.account_id and not caller.is_admin):
        raise NotFound("There is no such pool", code="pool_not_found")
    now = time.time()
    facts = road.facts(environ, now)
    route = road.route(pool, now)
    return {
        "pool_id": pool.id,
        "slug": pool.slug,
        "reason": route.reason,
        "audience": str(facts.audience),
        "counted": facts.is_human,
        "destination": _destination(platform, road, route, facts),
        "served_by_pool_id": route.prepared.pool.id if route.prepared else None,
        "candidates": _candidates(road, route.prepared),
        "members": [_member(pool, route, member) for member in pool.members],
    }


def _destination(platform: Platform, road: Redirector, route: Route, facts: ClickFacts) -> dict[str, Any]:
    prepared = route.prepared
    if prepared is None:
        return {"kind": "fallback_url", "url": route.url} if route.url else {"kind": "unavailable"}
    if prepared.rotation:
        position = int(platform.redis.get(keys.rotation(prepared.pool.id)) or 0)
        bot_id = turn(prepared.rotation, position)
        return {
            "kind": "bot",
            "bot_id": bot_id,
            "username": prepared.usernames[bot_id],
            "position": position,
        }
    loads = road.loads.of(prepared.pool)
    chosen = choose(
        prepared, facts.at, visitor=facts.visitor or facts.client, loads=loads, chance=random.random()
    )
    return {"kind": "bot", "bot_id": chosen.bot_id, "username": chosen.username}


def _candidates(road: Redirector, prepared: Prepared | None) -> list[dict[str, Any]]:
    if prepared is None:
        return []
    loads = road.loads.of(prepared.pool)
    return [
        {
            "bot_id": one.bot_id,
            "username": one.username,
            "share": one.share,
            "factor": round(one.factor, 3),
            "load": loads.get(one.bot_id, 0.0),
        }
        for one in prepared.candidates
    ]


def _member(pool: PoolSnapshot, route: Route, member: MemberSnapshot) -> dict[str, Any]:
    own = route.prepared if route.prepared and route.prepared.pool is pool else None
    why_not = obstacle(pool, member, own.tier if own else "") or ("" if own else "pool_paused")
    return {
        "bot_id": member.bot_id,
        "username": member.username,
        "status": str(member.status),
        "weight": member.weight,
        "priority": member.priority,
        "eligible": not why_not,
        "obstacle": why_not or None,
    }
