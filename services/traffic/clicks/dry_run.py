"""What a click would do, without doing it: the decision with everything it was made from."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from models import RedirectPool
from services.core.errors import NotFound
from services.fleet.pools.choose import Prepared, choose
from services.fleet.pools.model import MemberSnapshot, PoolSnapshot
from services.fleet.pools.rules import RuleFacts
from services.fleet.pools.strategies import turn
from services.fleet.pools.switches import switched_state, switches_of
from services.fleet.pools.tiers import ineligibility
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.facts import ClickFacts, rule_facts
from services.traffic.clicks.redirect import Redirector, Route


def dry_run(
    platform: Platform, road: Redirector, caller: Principal, slug: str, environ: Mapping[str, Any]
) -> dict[str, Any]:
    """The decision for this request as JSON; nothing is counted, no turn is taken. NotFound for a foreign pool."""
    road.start()
    pool = road.book.get(slug.lower())
    if pool is None or (pool.account_id != caller.account_id and not caller.is_admin):
        raise NotFound("There is no such pool", code="pool_not_found")
    if pool.account_id != caller.account_id:
        with platform.database.transaction() as session:
            get_owned(session, caller, RedirectPool, pool.id)  # an admin's look leaves an audit entry
    now = time.time()
    facts = road.facts(environ, now)
    way = road.routed_pool(pool, facts, environ)
    serving = way.pool if way else pool
    route = road.route(serving, now)
    return {
        "pool_id": pool.id,
        "slug": pool.slug,
        "sent_to_pool_id": serving.id,
        "rule_id": (way.sent.rule_id or None) if way else None,
        "experiment_id": (way.sent.experiment_id or None) if way else None,
        "rules": _rules(pool, rule_facts(facts, environ)),
        "reason": route.reason,
        "audience": str(facts.audience),
        "counted": facts.is_human,
        "destination": _destination(platform, road, route, facts),
        "served_by_pool_id": route.prepared.pool.id if route.prepared else None,
        "candidates": _candidates(road, route.prepared),
        "members": [_member(serving, route, member) for member in serving.members],
    }


def _rules(pool: PoolSnapshot, known: RuleFacts) -> list[dict[str, Any]]:
    """What each rule of the link says to this request; the first one that is met decides."""
    words = {True: "met", False: "not_met", None: "undecided"}
    rules = pool.routing.rules if pool.routing else ()
    return [
        {"id": rule.id, "pool_id": rule.pool_id, "verdict": words[rule.conditions.verdict(known)]}
        for rule in rules
    ]


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
    balance = road.loads.of(prepared.pool)
    chosen = choose(prepared, visitor=facts.visitor, balance=balance, chance=random.random())
    return {"kind": "bot", "bot_id": chosen.bot_id, "username": chosen.username}


def _candidates(road: Redirector, prepared: Prepared | None) -> list[dict[str, Any]]:
    if prepared is None:
        return []
    loads = road.loads.of(prepared.pool).loads
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
    why_not = ineligibility(pool, member, own.tier if own else "") or ("" if own else "pool_paused")
    return {
        "bot_id": member.bot_id,
        "username": member.username,
        "status": str(member.status),
        "state": switched_state(member.status, switches_of(member)),
        "weight": member.weight,
        "priority": member.priority,
        "eligible": not why_not,
        "obstacle": why_not or None,
    }
