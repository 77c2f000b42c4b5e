"""The rules of a link: an ordered list, read and replaced as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import PoolRule, RedirectPool
from services.core.errors import InvalidInput, NotFound
from services.fleet.experiments.fields import RuleFields
from services.fleet.experiments.targets import check_target
from services.fleet.pools.snapshot import publish
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform


def list_rules(platform: Platform, caller: Principal, pool_id: int) -> list[PoolRule]:
    """The rules of a pool's link in their order; NotFound for somebody else's pool."""
    with looking(platform, caller) as session:
        return _rules(session, get_owned(session, caller, RedirectPool, pool_id).id)


def replace_rules(
    platform: Platform, caller: Principal, pool_id: int, wanted: Sequence[RuleFields]
) -> list[PoolRule]:
    """Make these the rules of the link, in this order, all or none; `/go` never sees half of them.

    A rule with the id of one that is there keeps it, so that its clicks still name it. Raises NotFound for a foreign
    pool or rule, InvalidInput "rule_without_condition", "rule_twice" and "routing_circle".
    """
    with platform.database.transaction() as session:
        identity = get_owned(session, caller, RedirectPool, pool_id).id
        query = select(RedirectPool).where(RedirectPool.id == identity).with_for_update()
        pool = session.scalars(query).one()  # two editors come one after the other
        present = {rule.id: rule for rule in _rules(session, pool.id)}
        kept = [rule.id for rule in wanted if rule.id is not None]
        if len(set(kept)) < len(kept):
            raise InvalidInput("Each rule may be in the list once", code="rule_twice", field="rules")
        for position, rule in enumerate(wanted):
            _write(session, caller, pool, present, position, rule)
        for gone in present.values():
            session.delete(gone)
        session.flush()
        rules = _rules(session, pool.id)
        audit(
            session,
            caller,
            "rules_changed",
            account_id=pool.account_id,
            pool_id=pool.id,
            rules=[describe_rule(rule) for rule in rules],
        )
    publish(platform, [identity])
    return rules


class RuleView(TypedDict):
    """A rule of a link: who meets all conditions goes to the target."""

    id: int
    conditions: dict[str, Any]
    target_pool_id: int
    is_active: bool


def describe_rule(rule: PoolRule) -> RuleView:
    """The JSON of a rule."""
    return {
        "id": rule.id,
        "conditions": rule.conditions,
        "target_pool_id": rule.target_pool_id,
        "is_active": rule.is_active,
    }


def _rules(session: Session, pool_id: int) -> list[PoolRule]:
    query = select(PoolRule).where(PoolRule.pool_id == pool_id).order_by(PoolRule.position, PoolRule.id)
    return list(session.scalars(query))


def _write(
    session: Session,
    caller: Principal,
    pool: RedirectPool,
    present: dict[int, PoolRule],
    position: int,
    wanted: RuleFields,
) -> None:
    """Write one rule; takes it out of `present` when it was there."""
    conditions = wanted.conditions.stored()
    if not conditions:
        raise InvalidInput(
            "A rule needs a condition: without one it would take every visitor",
            code="rule_without_condition",
            field=f"rules.{position}.conditions",
        )
    check_target(session, caller, pool, wanted.target_pool_id, field=f"rules.{position}.target_pool_id")
    row = present.pop(wanted.id, None) if wanted.id is not None else PoolRule(pool_id=pool.id)
    if row is None:
        raise NotFound("There is no such rule", code="rule_not_found", field=f"rules.{position}.id")
    row.position, row.conditions = position, conditions
    row.target_pool_id, row.is_active = wanted.target_pool_id, wanted.is_active
    session.add(row)
