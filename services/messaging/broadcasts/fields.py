"""What may be said of a broadcast: the bodies of the API and the panel's form."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from plugins.flows.parts import FLOW_KEY, Message, StepKey
from services.core.moments import NamedMoment
from services.traffic.audience.conditions import Conditions

BroadcastName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
VariantName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]
Clock = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FlowStep(_Fields):
    """A step of a flow of the account, by their keys."""

    flow: str = Field(pattern=FLOW_KEY, description="the key of a published flow")
    step: StepKey = Field(description="the key of a step of its version in force")


class _Content(_Fields):
    message: Message | None = Field(None, description="a message of the broadcast's own")
    step: FlowStep | None = Field(None, description="in place of a message: people are put at the step")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.message is None) == (self.step is None):
            raise PydanticCustomError("broadcast_content", "Give either a message or a step of a flow", {})
        return self


class Variant(_Content):
    """A message, or a step of a flow, and the part of the people who get it, in percent."""

    name: VariantName = "A"
    percent: int = Field(100, strict=True, ge=1, le=100)


Variants = Annotated[tuple[Variant, ...], Field(min_length=1, max_length=2)]


class QuietFields(_Fields):
    """Hours in which nothing is sent, on the wall clock of `time_zone`; empty times: none."""

    begin: Clock = ""
    end: Clock = ""
    time_zone: str = Field("", max_length=50)


class BroadcastChange(_Fields):
    """Changes of a draft: only fields that are given change."""

    name: BroadcastName = ""
    variants: Variants = ()
    audience: Conditions = Conditions()
    has_opt_out: bool = Field(True, description="a button by which people want no more of them")
    per_second: int = Field(
        25, strict=True, ge=1, le=1000, description="messages of each bot; above 30 paid for in Stars"
    )
    brake_percent: int = Field(
        10,
        strict=True,
        ge=0,
        le=100,
        description="pauses when more of the last 200 blocked or failed; 0 never",
    )
    quiet: QuietFields = QuietFields()
    goal_tag: str = Field("", max_length=50, description="the name of a goal or a tag that the results count")
    every_hours: int = Field(
        0, strict=True, ge=0, le=8784, description="0 once; else a turn each so many hours"
    )
    once_per_person: bool = Field(True, description="of a series: nobody gets a second turn")
    only_new: bool = Field(False, description="of a series: who met a bot since its last turn")


class NewBroadcast(BroadcastChange):
    """A broadcast to be made, as a draft."""

    name: BroadcastName
    variants: Variants


class StartFields(_Fields):
    """When it begins: at once without a moment."""

    at: NamedMoment | None = None


class ChangeOfSent(_Fields):
    """What is done about messages that were sent: `message` replaces them, without one they are deleted."""

    message: Message | None = None


class TestFields(_Fields):
    """To whom a test goes, by which bot."""

    bot_id: int
    telegram_id: int = Field(ge=1, le=2**52)
    variant: int = Field(0, ge=0, le=1)


class PreviewFields(_Content):
    """A message, or a step of a flow, to be looked at."""

    has_opt_out: bool = True
