"""What operators may say about a conversation: the bodies of the API and the panel's forms."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.messaging.inbox.texts import LONGEST_TEXT

LONGEST_TAKEOVER: Final = 7 * 24 * 60  # minutes
FORM_KEY: Final = r"^[A-Za-z0-9_-]{8,40}$"
Revision = Annotated[int, Field(ge=1, le=2**63 - 1, description="of the conversation, as it was read")]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewAnswer(_Fields):
    """An answer to a person. The same `form_key` again adds nothing; with an older `revision` nothing is sent."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT)]
    form_key: str = Field(pattern=FORM_KEY, description="of your own, new for each answer")
    revision: Revision
    take_over_minutes: int = Field(
        30, ge=0, le=LONGEST_TAKEOVER, description="the flow rests so long; 0: it goes on"
    )


class Takeover(_Fields):
    """How long the flow is to rest."""

    minutes: int = Field(30, ge=1, le=LONGEST_TAKEOVER)


class Assignment(_Fields):
    """Who sees to it; empty: nobody yet."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
    revision: Revision


class Keeping(_Fields):
    """Whether a bot keeps messages."""

    keeps_messages: bool
