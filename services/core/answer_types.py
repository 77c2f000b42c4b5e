"""Types of answers' fields that say more than a plain text: to mypy they are texts, in the OpenAPI document forms and choices."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, InstanceOf, WithJsonSchema
from typing_extensions import TypedDict

from services.core.i18n import Text

Item = TypeVar("Item")
Moment = Annotated[
    str, Field(json_schema_extra={"format": "date-time"})
]  # as `services.core.times.iso` writes it
Sentence = Annotated[  # for people: it leaves in the reader's language
    InstanceOf[Text],
    WithJsonSchema({"type": "string", "description": "for people, in the reader's language"}),
]


class Listing(TypedDict, Generic[Item]):
    """Part of a list; `next` is the cursor of the following part, null on the last one."""

    items: list[Item]
    next: str | None


def one_of(values: type[StrEnum]) -> Any:
    """For `Annotated[str, one_of(…)]`: a text that is one of the values, as columns of `models.py` hold them."""
    return Field(json_schema_extra={"enum": [str(value) for value in values]})
