"""What may be said about a flow: the bodies of the API and the panel's forms."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from plugins.flows.parts import FLOW_KEY, StepKey

Number = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
LONGEST_FILE: Final = 1_000_000  # characters; no request is larger
FlowName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Moves = Annotated[
    dict[StepKey, StepKey | None],
    Field(
        max_length=400,
        description="where the people of each step that goes are put: a step, or null for the end",
    ),
]
FlowKey = Annotated[str, Field(pattern=FLOW_KEY)]
Document = Annotated[
    dict[str, Any],
    Field(description="the flow; as a draft it may be incomplete, and `check` says what is missing"),
]


class Template(StrEnum):
    """A flow to begin with."""

    SHORT_VIDEO = "short-video"
    LONG_VIDEO = "long-video"


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewFlow(_Fields):
    """A flow to be made."""

    name: FlowName
    key: FlowKey | None = Field(
        None, description="what bots name it by, unchangeable; empty: made of the name"
    )
    document: Document | None = Field(None, description="its draft; empty: a flow of one step that greets")
    yaml: str | None = Field(None, max_length=LONGEST_FILE, description="or its draft as a file")
    template: Template | None = Field(None, description="or one of the templates")
    language: Literal["pt", "en"] = Field("pt", description="of the template's texts")


class Draft(_Fields):
    """A draft to be saved."""

    document: Document
    revision: Number = Field(description="of the draft that was changed into this one")


class Restoration(_Fields):
    """An older version to be published anew. `version` is the number in force that was looked at, null for none."""

    version: Number | None
    moves: Moves = Field(default_factory=dict)


class Publication(Restoration):
    """A draft to be published: the one with this `revision`."""

    revision: Number


class Rename(_Fields):
    """Another name for a flow, where one is given; its key stays."""

    name: FlowName = ""
