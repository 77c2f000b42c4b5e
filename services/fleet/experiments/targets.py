"""Which pools a link may send its visitors to: those of the same account, and none that sends its own back."""

from __future__ import annotations

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from models import Experiment, ExperimentArm, PoolRule, RedirectPool
from services.core.errors import InvalidInput
from services.platform.accounts.principal import Principal, get_owned


def check_target(
    session: Session, caller: Principal, pool: RedirectPool, target_id: int, *, field: str
) -> None:
    """Refuse a target of somebody else (NotFound), of another account, and one that sends its visitors to `pool`.

    Nobody would go round in a circle (`services.fleet.pools.routing` makes one hop), but nobody could read such links either.
    """
    target = get_owned(session, caller, RedirectPool, target_id)
    if target.account_id != pool.account_id:
        raise InvalidInput("The pool belongs to another account", field=field)
    if target.id != pool.id and _sends_to(session, target.id, pool.id):
        raise InvalidInput(
            "These links would send their visitors to each other; choose another pool",
            code="routing_circle",
            field=field,
        )


def _sends_to(session: Session, source_id: int, pool_id: int) -> bool:
    rules = exists().where(
        PoolRule.pool_id == source_id, PoolRule.target_pool_id == pool_id, PoolRule.is_active
    )
    arms = exists().where(
        Experiment.pool_id == source_id,
        Experiment.is_active,
        ExperimentArm.experiment_id == Experiment.id,
        ExperimentArm.pool_id == pool_id,
    )
    return bool(session.scalar(select(or_(rules, arms))))
