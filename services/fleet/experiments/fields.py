"""What may be said about an experiment and about the rules of a link: the bodies of the API and the panel's forms."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.fleet.pools.fields import RowId, Switch
from services.fleet.pools.rules import Conditions

MAX_ARMS = 10
MAX_RULES = 50
ExperimentName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
GoalTag = Annotated[str, StringConstraints(strip_whitespace=True, max_length=50)]
Percent = Annotated[int, Field(strict=True, ge=1, le=99)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArmFields(_Fields):
    """A pool and the part of the visitors that it gets, in percent."""

    pool_id: RowId
    percent: Percent


Arms = Annotated[tuple[ArmFields, ...], Field(max_length=MAX_ARMS)]


class NewExperiment(_Fields):
    """An experiment to be made: the link of `pool_id` is split over `arms`, among which that pool may be itself."""

    name: ExperimentName
    pool_id: RowId
    arms: Arms
    goal_tag: GoalTag = Field("", description="a tag of a lead that counts as the goal; empty without a goal")


class ExperimentChange(_Fields):
    """Changes to an experiment: only fields that are given change; arms only before the first start."""

    name: ExperimentName = ""
    goal_tag: GoalTag = ""
    arms: Arms = ()


class RuleFields(_Fields):
    """A rule of a link: visitors who meet all conditions go to the pool. `id` names one that is there already."""

    id: RowId | None = None
    conditions: Conditions
    target_pool_id: RowId
    is_active: Switch = True


class RuleList(_Fields):
    """All rules of a link in order; whatever is not in it is deleted."""

    rules: Annotated[tuple[RuleFields, ...], Field(max_length=MAX_RULES)]
