"""What an experiment found: visitors, starts and goals per arm, how sure the rates are, and what is to be minded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import Experiment, ExperimentVisitor, Goal, Lead, RedirectPool
from services.fleet.experiments.experiments import ExperimentFields, describe, get_experiment
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.figures import percentage
from services.reporting.analytics.intervals import CONFIDENCE, Interval, newcombe, wilson
from services.reporting.analytics.sample_ratio import MISMATCH_BELOW, split_p_value

Comparison = Literal["more", "fewer", "undecided"]
Caution = Literal["too_few", "sample_ratio_mismatch", "not_tracked"]
FEWEST_VISITORS: Final = 100  # per arm, however clear it looks
WORTH_SEEING: Final = (
    0.2  # a fifth more or less starts than on average: what the needed number is reckoned for
)
LEHR: Final = 16  # Lehr 1992: 16 p (1 - p) / difference² per group, for 80 % power at 5 %


class LimitsView(TypedDict):
    """The limits of an interval, in percent."""

    low: float
    high: float


class DifferenceView(LimitsView):
    """An arm's rate minus the control's."""

    verdict: Comparison


class RateView(LimitsView):
    """How many, in percent of the visitors, within which limits; and against the control's, but for the control itself."""

    count: int
    rate: float | None
    against_control: DifferenceView | None


class ArmFiguresView(TypedDict):
    """What an arm brought; `goals` are null without a goal."""

    percent: int
    visitors: int
    clicks: int
    starts: RateView
    goals: RateView | None


class ArmResultView(ArmFiguresView):
    """The same, of which pool."""

    pool_id: int
    name: str
    slug: str


class ResultsView(ExperimentFields):
    """What an experiment has found so far. `warnings` are stable words."""

    confidence: int
    control_pool_id: int | None
    arms: list[ArmResultView]
    visitors_needed: int | None
    split_p_value: float | None
    warnings: list[Caution]


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """An arm's visitors, each once, how many of them started and how many of these reached the goal."""

    pool_id: int
    percent: int
    visitors: int = 0
    clicks: int = 0
    starts: int = 0
    goals: int = 0


def experiment_results(platform: Platform, caller: Principal, experiment_id: int) -> ResultsView:
    """The results as JSON; rates and limits in percent. NotFound for somebody else's experiment."""
    experiment = get_experiment(platform, caller, experiment_id)
    with platform.database.reading() as session:
        arms = _figures(session, experiment)
        named = select(RedirectPool.id, RedirectPool.name, RedirectPool.slug, RedirectPool.tracking)
        named = named.where(RedirectPool.account_id == experiment.account_id)
        pools = {
            row.id: row
            for row in session.execute(named.where(RedirectPool.id.in_([a.pool_id for a in arms])))
        }
    control = next((arm for arm in arms if arm.pool_id == experiment.pool_id), arms[0] if arms else None)
    p_value = split_p_value([arm.visitors for arm in arms], [arm.percent for arm in arms])
    needed = visitors_needed(arms)
    return {
        **describe(experiment),
        "confidence": round(100 * CONFIDENCE),
        "control_pool_id": control.pool_id if control else None,
        "arms": [
            {
                "pool_id": arm.pool_id,
                "name": pools[arm.pool_id].name,
                "slug": pools[arm.pool_id].slug,
                **_arm(arm, control, has_goal=bool(experiment.goal_tag)),
            }
            for arm in arms
        ],
        "visitors_needed": needed,
        "split_p_value": p_value,
        "warnings": _warnings(arms, needed, p_value, all(pool.tracking for pool in pools.values())),
    }


def visitors_needed(arms: Sequence[ArmFigures]) -> int | None:
    """Visitors per arm by which a fifth more or less starts would show (Lehr); None while nobody has started."""
    visitors, starts = sum(arm.visitors for arm in arms), sum(arm.starts for arm in arms)
    if not starts:
        return None
    rate = starts / visitors
    return max(FEWEST_VISITORS, ceil(LEHR * (1 - rate) / (rate * WORTH_SEEING**2)))


def _warnings(
    arms: Sequence[ArmFigures], needed: int | None, p_value: float | None, tracked: bool
) -> list[Caution]:
    found: dict[Caution, bool] = {
        "too_few": needed is None or any(arm.visitors < needed for arm in arms),
        "sample_ratio_mismatch": p_value is not None and p_value < MISMATCH_BELOW,
        "not_tracked": not tracked,
    }
    return [word for word, applies in found.items() if applies]


def _figures(session: Session, experiment: Experiment) -> list[ArmFigures]:
    counts = select(
        ExperimentVisitor.pool_id,
        func.count().label("visitors"),
        func.sum(ExperimentVisitor.clicks).label("clicks"),
        func.count(ExperimentVisitor.started_at).label("starts"),
    ).where(ExperimentVisitor.experiment_id == experiment.id)
    found = {row.pool_id: row for row in session.execute(counts.group_by(ExperimentVisitor.pool_id))}
    goals = _goals(session, experiment)
    return [
        ArmFigures(arm.pool_id, arm.percent, row.visitors, int(row.clicks), row.starts, goals[arm.pool_id])
        if (row := found.get(arm.pool_id)) is not None
        else ArmFigures(arm.pool_id, arm.percent)
        for arm in experiment.arms
    ]


def _goals(session: Session, experiment: Experiment) -> Counter[int]:
    """Visitors per arm whose lead has the goal's tag or reached the goal of that name, each once.

    Tags are read here, because the databases search JSON each their own way.
    """
    if not experiment.goal_tag:
        return Counter()
    visitor = (ExperimentVisitor.pool_id, ExperimentVisitor.visitor)
    own = ExperimentVisitor.experiment_id == experiment.id
    tagged = (
        select(*visitor, Lead.tags)
        .join(Lead, Lead.id == ExperimentVisitor.lead_id)
        .where(own, cast(Lead.tags, Text) != "[]")
    )
    reached = (
        select(*visitor)
        .join(Goal, Goal.lead_id == ExperimentVisitor.lead_id)
        .where(
            own, Goal.goal == experiment.goal_tag, or_(Goal.amount_micros.is_(None), Goal.amount_micros >= 0)
        )
    )
    there = {(row.pool_id, row.visitor) for row in session.execute(tagged) if experiment.goal_tag in row.tags}
    there |= {(row.pool_id, row.visitor) for row in session.execute(reached)}
    return Counter(pool_id for pool_id, _ in there)


def _arm(arm: ArmFigures, control: ArmFigures | None, *, has_goal: bool) -> ArmFiguresView:
    base = None if control is None or control.pool_id == arm.pool_id else control
    return {
        "percent": arm.percent,
        "visitors": arm.visitors,
        "clicks": arm.clicks,
        "starts": _rate(arm.starts, arm.visitors, (base.starts, base.visitors) if base else None),
        "goals": _rate(arm.goals, arm.visitors, (base.goals, base.visitors) if base else None)
        if has_goal
        else None,
    }


def _rate(count: int, visitors: int, base: tuple[int, int] | None) -> RateView:
    against = newcombe((count, visitors), base) if base else None
    return {
        "count": count,
        "rate": percentage(count, visitors),
        **_limits(wilson(count, visitors)),
        "against_control": {**_limits(against), "verdict": verdict(against)} if against else None,
    }


def verdict(difference: Interval) -> Comparison:
    """What the interval of a difference says: "more", "fewer", or "undecided" while it holds 0."""
    if 0.0 in difference:
        return "undecided"
    return "more" if difference.low > 0 else "fewer"


def _limits(interval: Interval) -> LimitsView:
    return {"low": round(100 * interval.low, 2), "high": round(100 * interval.high, 2)}
