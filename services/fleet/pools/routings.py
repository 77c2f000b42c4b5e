"""What links do with their visitors, read from the rows: active rules in order, running experiments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Experiment, PoolRule
from services.fleet.pools import routing
from services.fleet.pools.assignment import Arm
from services.fleet.pools.routing import Routing
from services.fleet.pools.rules import Rule, read_rule


def read_routings(session: Session, pool_ids: Sequence[int]) -> dict[int, Routing]:
    """The routing by pool, only of pools that have one."""
    rules = _rules(session, pool_ids)
    running = _experiments(session, pool_ids)
    return {
        pool_id: Routing(tuple(rules.get(pool_id, ())), running.get(pool_id))
        for pool_id in {*rules, *running}
    }


def _rules(session: Session, pool_ids: Sequence[int]) -> dict[int, list[Rule]]:
    query = select(PoolRule).where(PoolRule.pool_id.in_(pool_ids), PoolRule.is_active)
    found: dict[int, list[Rule]] = defaultdict(list)
    for row in session.scalars(query.order_by(PoolRule.position, PoolRule.id)):
        rule = read_rule(row.id, row.target_pool_id, row.conditions)
        if rule is not None:
            found[row.pool_id].append(rule)
    return found


def _experiments(session: Session, pool_ids: Sequence[int]) -> dict[int, routing.Experiment]:
    query = select(Experiment).where(Experiment.pool_id.in_(pool_ids), Experiment.is_active)
    return {
        row.pool_id: routing.Experiment(row.id, tuple(Arm(arm.pool_id, arm.percent) for arm in row.arms))
        for row in session.scalars(query)
        if row.arms
    }
