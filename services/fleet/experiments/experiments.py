"""Making, starting and stopping experiments. Each use case is one transaction; what `/go` knows follows after it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Experiment, ExperimentArm, RedirectPool
from services.core.answer_types import Moment
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.core.times import iso, utc_now
from services.fleet.experiments.fields import ArmFields, ExperimentChange, NewExperiment
from services.fleet.experiments.targets import check_target
from services.fleet.pools.snapshot import publish
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import Quota, make_room
from services.platform.platform import Platform

FEWEST_ARMS = 2


def create_experiment(platform: Platform, caller: Principal, wanted: NewExperiment) -> Experiment:
    """A new experiment that does not run yet.

    Raises NotFound for a pool that is not the caller's, Conflict "quota_exceeded", InvalidInput "arms_too_few",
    "arm_twice", "percent_not_100" and "routing_circle".
    """
    with platform.database.transaction() as session:
        pool = get_owned(session, caller, RedirectPool, wanted.pool_id)
        make_room(session, platform.settings, pool.account_id, Quota.EXPERIMENTS)
        experiment = Experiment(
            account_id=pool.account_id,
            pool_id=pool.id,
            name=wanted.name,
            goal_tag=wanted.goal_tag,
            arms=_checked_arms(session, caller, pool, wanted.arms),
        )
        session.add(experiment)
        session.flush()
        _record(session, caller, experiment, "experiment_created")
    return experiment


def update_experiment(
    platform: Platform, caller: Principal, experiment_id: int, change: ExperimentChange
) -> Experiment:
    """Change name and goal, and the arms before the first start: Conflict "experiment_started" afterwards.

    Raises as `create_experiment` does.
    """
    given = change.model_fields_set
    with platform.database.transaction() as session:
        experiment = _locked(session, caller, experiment_id)
        if "name" in given:
            experiment.name = change.name
        if "goal_tag" in given:
            experiment.goal_tag = change.goal_tag
        if "arms" in given:
            if experiment.started_at is not None:
                raise Conflict(
                    "The arms stand since the first start, else the rates would mix two splits; make a new experiment",
                    code="experiment_started",
                    field="arms",
                )
            pool = get_owned(session, caller, RedirectPool, experiment.pool_id)
            arms = _checked_arms(session, caller, pool, change.arms)
            experiment.arms.clear()
            session.flush()  # the old rows go before new ones with the same key come
            experiment.arms.extend(arms)
        _record(
            session, caller, experiment, "experiment_updated", changes=change.model_dump(exclude_unset=True)
        )
    return experiment


def start_experiment(platform: Platform, caller: Principal, experiment_id: int) -> Experiment:
    """Split the link from now on; visitors of an earlier run keep their arms. Starting a running one does nothing.

    Raises Conflict "experiment_running" when the link has another one, InvalidInput when an arm is gone.
    """
    with platform.database.transaction() as session:
        experiment = _locked(session, caller, experiment_id)
        if not experiment.is_active:
            _check_start(session, caller, experiment)
            experiment.is_active = True
            experiment.started_at = experiment.started_at or utc_now()
            experiment.ended_at = None
            _record(session, caller, experiment, "experiment_started")
    publish(platform, [experiment.pool_id])
    return experiment


def stop_experiment(platform: Platform, caller: Principal, experiment_id: int) -> Experiment:
    """Send everybody to the link's own pool again; the results stay. Stopping a stopped one does nothing."""
    with platform.database.transaction() as session:
        experiment = _locked(session, caller, experiment_id)
        if experiment.is_active:
            experiment.is_active = False
            experiment.ended_at = utc_now()
            _record(session, caller, experiment, "experiment_stopped")
    publish(platform, [experiment.pool_id])
    return experiment


def delete_experiment(platform: Platform, caller: Principal, experiment_id: int) -> None:
    """Delete an experiment with its results; clicks and leads stay."""
    with platform.database.transaction() as session:
        experiment = _locked(session, caller, experiment_id)
        pool_id = experiment.pool_id
        _record(session, caller, experiment, "experiment_deleted")
        session.delete(experiment)
    publish(platform, [pool_id])


def list_experiments(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 200
) -> list[Experiment]:
    """The caller's experiments with an id above `after`, in order of id, with their arms."""
    query = owned(caller, Experiment).where(Experiment.id > after).order_by(Experiment.id).limit(limit)
    with platform.database.reading() as session:
        return list(session.scalars(query))


def running_experiment(platform: Platform, caller: Principal, pool_id: int) -> Experiment | None:
    """The caller's experiment that splits this pool's link now, with its arms; a link has one at most."""
    query = owned(caller, Experiment).where(Experiment.pool_id == pool_id, Experiment.is_active)
    with platform.database.reading() as session:
        return session.scalars(query).first()


def get_experiment(platform: Platform, caller: Principal, experiment_id: int) -> Experiment:
    """One experiment of the caller's, with its arms; NotFound for anybody else's."""
    # An admin's access leaves an audit entry; an owner's look takes no write lock.
    with looking(platform, caller) as session:
        return get_owned(session, caller, Experiment, experiment_id)


class ArmView(TypedDict):
    """A pool of an experiment, with its part of the visitors."""

    pool_id: int
    percent: int


class ExperimentFields(TypedDict):
    """What an experiment is, its arms aside."""

    id: int
    name: str
    pool_id: int
    goal_tag: str
    is_active: bool
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None


class ExperimentView(ExperimentFields):
    """An experiment."""

    arms: list[ArmView]


def describe(experiment: Experiment) -> ExperimentView:
    """The JSON of an experiment, as the API and the panel show it."""
    return {
        "id": experiment.id,
        "name": experiment.name,
        "pool_id": experiment.pool_id,
        "arms": [{"pool_id": arm.pool_id, "percent": arm.percent} for arm in experiment.arms],
        "goal_tag": experiment.goal_tag,
        "is_active": experiment.is_active,
        "created_at": iso(experiment.created_at),
        "started_at": iso(experiment.started_at),
        "ended_at": iso(experiment.ended_at),
    }


def _locked(session: Session, caller: Principal, experiment_id: int) -> Experiment:
    found = get_owned(session, caller, Experiment, experiment_id)
    # The pool first, as everybody does: two starts at one link come one after the other.
    session.scalars(select(RedirectPool.id).where(RedirectPool.id == found.pool_id).with_for_update()).one()
    session.refresh(found)
    return found


def _check_start(session: Session, caller: Principal, experiment: Experiment) -> None:
    other = session.scalar(
        select(Experiment.name).where(Experiment.pool_id == experiment.pool_id, Experiment.is_active)
    )
    if other is not None:
        raise Conflict(
            Text("This link is split by '{other}' already; stop that experiment first", other=other),
            code="experiment_running",
        )
    pool = get_owned(session, caller, RedirectPool, experiment.pool_id)
    arms = [ArmFields(pool_id=arm.pool_id, percent=arm.percent) for arm in experiment.arms]
    _checked_arms(session, caller, pool, arms)


def _checked_arms(
    session: Session, caller: Principal, pool: RedirectPool, wanted: Sequence[ArmFields]
) -> list[ExperimentArm]:
    if len(wanted) < FEWEST_ARMS:
        raise InvalidInput("An experiment needs at least two pools", code="arms_too_few", field="arms")
    if len({arm.pool_id for arm in wanted}) < len(wanted):
        raise InvalidInput("Each pool may be named once", code="arm_twice", field="arms")
    if (total := sum(arm.percent for arm in wanted)) != 100:
        raise InvalidInput(
            Text("The percentages sum up to {total}, not to 100", total=total),
            code="percent_not_100",
            field="arms",
        )
    for number, arm in enumerate(wanted):
        check_target(session, caller, pool, arm.pool_id, field=f"arms.{number}.pool_id")
    return [
        ExperimentArm(pool_id=arm.pool_id, percent=arm.percent)
        for arm in sorted(wanted, key=lambda arm: arm.pool_id)
    ]


def _record(
    session: Session, caller: Principal, experiment: Experiment, kind: str, **details: object
) -> None:
    audit(
        session,
        caller,
        kind,
        account_id=experiment.account_id,
        bot_id=None,
        pool_id=experiment.pool_id,
        experiment_id=experiment.id,
        name=experiment.name,
        **details,
    )
