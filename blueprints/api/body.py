"""Reading requests of the REST API: JSON bodies, query parameters, pages of lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Protocol, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from services.core.answer_types import Listing
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.validation_texts import reason_of

MAX_LIMIT = 200
DEFAULT_LIMIT = 50


class Body(BaseModel):
    """Base of request bodies: an unknown field is an error, and text comes without surrounding blanks."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model]) -> Model:
    """The JSON body as `model`. Raises InvalidInput naming the first wrong field; fields are never ignored, nor is a
    number read out of a text or a truth.

    Anything but JSON is `json_expected`: 415 for another content type, 422 for broken JSON or no object.
    """
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        data = request.get_json()
        refuse_unstorable(data)
    except (BadRequest, RecursionError) as error:
        raise InvalidInput("The body is not valid JSON", code="json_expected") from error
    if not isinstance(data, dict):
        raise InvalidInput("The body must be a JSON object", code="json_expected")
    checked(model, data)  # names the field of a body too deep for the strict reader
    return _validated(lambda: model.model_validate_json(json.dumps(data), strict=True, extra="forbid"))


def query(model: type[Model]) -> Model:
    """The query parameters as `model`; InvalidInput for an unknown or wrong one."""
    data = request.args.to_dict()
    refuse_unstorable(data)
    return checked(model, data)


def checked(model: type[Model], data: dict[str, Any]) -> Model:
    """`data` as `model`; InvalidInput with field and reason, never with the value, which may be a secret.

    Unknown fields are refused whatever the model says.
    """
    return _validated(lambda: model.model_validate(data, extra="forbid"))


def _validated(validate: Callable[[], Model]) -> Model:
    try:
        return validate()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        raise InvalidInput(reason_of(first), field=field) from None


def refuse_unstorable(value: Any, field: str = "") -> None:
    """NUL, lone surrogates and numbers beyond 64 bits pass as JSON and into no database."""
    if isinstance(value, dict):
        for name, item in value.items():
            refuse_unstorable(name, field)
            refuse_unstorable(item, f"{field}.{name}" if field else name)
    elif isinstance(value, list):
        for item in value:
            refuse_unstorable(item, field)
    elif isinstance(value, str) and (
        "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
    ):
        raise InvalidInput(
            "The text holds a character that is none (NUL or half of a pair)", field=field or None
        )
    elif isinstance(value, int | float) and not -(2**63) <= value < 2**63:
        raise InvalidInput("The number is too large", field=field or None)


# Of what is shown first: the digest by which exactly that is done.
IfPlan = Annotated[
    str | None,
    Field(max_length=64, description="the `plan` that was shown: carry it out; without it it is only shown"),
]
Row = TypeVar("Row")
Item = TypeVar("Item")


class Paged(Protocol):
    """What asks for a part of a list."""

    @property
    def limit(self) -> int: ...


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for: at most `limit` rows with an id above `after`."""

    limit: int = DEFAULT_LIMIT
    after: int = 0


def page() -> Page:
    """`?limit=` (1 to 200, default 50) and `?cursor=` of this request; InvalidInput when they are wrong, or others are there."""
    for name in set(request.args) - {"limit", "cursor"}:
        raise InvalidInput("There is no such field", field=name)
    return Page(_number("limit", DEFAULT_LIMIT, 1, MAX_LIMIT), _number("cursor", 0, 0, 2**63 - 1))


def listing(items: Sequence[Item], next_cursor: str | None = None) -> Listing[Item]:
    """The form of every list answer; `next` is null on the last page."""
    return {"items": list(items), "next": next_cursor}


def page_of(
    rows: Sequence[Row],
    asked: Paged,
    describe: Callable[[Row], Item],
    number: Callable[[Row], object] = attrgetter("id"),
) -> Listing[Item]:
    """A list answer from up to `asked.limit + 1` rows in order of their `number`, up or down: the surplus row only
    shows that there is more."""
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit
    return listing([describe(row) for row in shown], str(number(shown[-1])) if more else None)


def _number(name: str, default: int, lowest: int, highest: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and lowest <= int(text) <= highest):
        raise InvalidInput(
            Text(
                "{name} must be a whole number from {lowest} to {highest}",
                name=name,
                lowest=lowest,
                highest=highest,
            ),
            field=name,
        )
    return int(text)
