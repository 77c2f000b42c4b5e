"""Who belongs to an audience: conditions that must all hold of a person at a bot."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]


class Conditions(BaseModel):
    """All that is given must hold; nothing given is everybody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bots: tuple[int, ...] = Field((), max_length=200, description="any of these bots")
    pools: tuple[int, ...] = Field((), max_length=200, description="a bot that is in any of these pools")
    tags_any: tuple[Tag, ...] = Field((), max_length=20, description="has one of these tags")
    tags_none: tuple[Tag, ...] = Field((), max_length=20, description="has none of these tags")
