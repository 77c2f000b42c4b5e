"""What may be asked of people: the fields of filters, saved segments and audiences. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from plugins.flows.parts import FLOW_KEY, STEP_KEY
from services.core.identifiers import LARGEST_ID
from services.core.moments import NamedMoment
from services.core.times import utc_now

LONGEST_WORDS: Final = 100
MOST: Final = 200  # values of one condition
LONGEST_INACTIVITY: Final = 3650  # days

Number = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", to_lower=True)]
GoalName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
SourceName = Annotated[str, StringConstraints(max_length=60)]
State = Literal["active", "blocked", "deactivated", "unreachable"]


class StepOf(BaseModel):
    """A step of a flow, or the flow as a whole: any of its steps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: str = Field(pattern=FLOW_KEY)
    step: str | None = Field(None, pattern=STEP_KEY)


class Conditions(BaseModel):
    """What must all be met; within one condition one of its values suffices. Without any, everybody.

    Moments are of the first turn to the bot (`seen_…`) or of the last (`inactive_days`), at UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: str = Field(
        "", max_length=LONGEST_WORDS, description="each in the name, the username or as the id"
    )
    bots: tuple[Number, ...] = Field((), max_length=MOST, description="known to one of these bots")
    pools: tuple[Number, ...] = Field((), max_length=MOST, description="known to a bot of one of these pools")
    tags_any: tuple[Tag, ...] = Field((), max_length=MOST)
    tags_all: tuple[Tag, ...] = Field((), max_length=MOST, description="here every value has to be there")
    tags_none: tuple[Tag, ...] = Field((), max_length=MOST)
    languages: tuple[Language, ...] = Field((), max_length=MOST, description="`pt` stands for `pt-br` too")
    sources: tuple[SourceName, ...] = Field(
        (), max_length=MOST, description='of the click that brought them; "" for a direct one'
    )
    campaigns: tuple[SourceName, ...] = Field((), max_length=MOST, description="of that click")
    reached: tuple[StepOf, ...] = Field((), max_length=MOST, description="here every step has to be reached")
    not_reached: tuple[StepOf, ...] = Field((), max_length=MOST)
    goals_any: tuple[GoalName, ...] = Field((), max_length=MOST, description="reached at the bot")
    goals_none: tuple[GoalName, ...] = Field((), max_length=MOST)
    seen_after: NamedMoment | None = None
    seen_before: NamedMoment | None = None
    inactive_days: int | None = Field(None, ge=1, le=LONGEST_INACTIVITY)
    active_days: int | None = Field(None, ge=1, le=LONGEST_INACTIVITY, description="turned to the bot within")
    states: tuple[State, ...] = Field(
        (), max_length=4, description="`unreachable`: they know a former identity of the bot only"
    )

    def stored(self) -> dict[str, Any]:
        """As JSON for a row, without what is not asked."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def is_anybody(self) -> bool:
        """Whether nothing is asked."""
        return not self.stored()


def days_ago(days: int) -> datetime:
    """The moment so many days before now."""
    return utc_now() - timedelta(days=days)
