"""What may be said about a flow: the bodies of the API and the panel's forms."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from plugins.flows.parts import FLOW_KEY

FIRST_REVISION: Final = 1
FlowName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
FlowKey = Annotated[str, Field(pattern=FLOW_KEY)]
Document = Annotated[
    dict[str, Any],
    Field(description="the flow; as a draft it may be incomplete, and `check` says what is missing"),
]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewFlow(_Fields):
    """A flow to be made."""

    name: FlowName
    key: FlowKey | None = Field(
        None, description="what bots name it by, unchangeable; empty: made of the name"
    )
    document: Document | None = Field(None, description="its draft; empty: a flow of one step that greets")


class Draft(_Fields):
    """A draft to be saved."""

    document: Document
    revision: int = Field(
        strict=True,
        ge=FIRST_REVISION,
        le=2**63 - 1,
        description="of the draft that was changed into this one",
    )
