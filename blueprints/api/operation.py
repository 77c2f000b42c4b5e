"""What a route of the REST API takes and answers, declared once, by its view's signature (ADR 24).

    @blueprint.post("")
    @api(Scope.WRITE)
    @operation(errors=(404,))
    def create(body: NewPool) -> Created[PoolView]: ...

`body` and `query` are parsed as their annotations say before the view is called, what it returns is answered as its
annotation says, and the OpenAPI document is made of the same annotations. mypy holds the view to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from flask import Response, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from blueprints.api.body import Page, page, parse
from blueprints.api.body import query as query_parameters

JSON = "application/json"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Created(Generic[Value]):
    """Answered with 201: what was made, and where it is found when it has a place of its own."""

    value: Value
    location: str = ""


@dataclass(frozen=True)
class Operation:
    """A declaration. `answer` is the type of what is answered, None for nothing; `errors` are statuses beside those
    that the route's own form makes possible (see `openapi`): one of a body that names other things, say, is 404.
    """

    body: type[BaseModel] | None
    query: type[BaseModel] | type[Page] | None
    answer: Any
    status: int
    has_location: bool
    media: str
    errors: tuple[int, ...]
    takes_file: bool = False  # a form with a `file`, which the view reads itself

    def read(self) -> dict[str, Any]:
        """What the view wants of the present request. Raises InvalidInput."""
        wanted: dict[str, Any] = {}
        if self.body is not None:
            wanted["body"] = parse(self.body)
        if self.query is not None:
            wanted["query"] = page() if issubclass(self.query, Page) else query_parameters(self.query)
        return wanted


def operation(
    *, media: str = JSON, errors: tuple[int, ...] = (), takes_file: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., ResponseReturnValue]]:
    """Declare the view below as its signature says; with another `media` type it answers a Response of its own, and with
    `takes_file` it reads a form with a file.
    """

    def declare(view: Callable[..., Any]) -> Callable[..., ResponseReturnValue]:
        declared = replace(_read(view, media, errors), takes_file=takes_file)

        @wraps(view)
        def answer(**path: Any) -> ResponseReturnValue:
            return _answer(view(**path, **declared.read()), declared.status)

        answer.operation = declared  # type: ignore[attr-defined]
        return answer

    return declare


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What is declared of a view function, None without a declaration."""
    return getattr(view, "operation", None)


def _read(view: Callable[..., Any], media: str, errors: tuple[int, ...]) -> Operation:
    hints = get_type_hints(view, include_extras=True)
    answer, status = hints["return"], 200
    if answer is type(None):
        answer, status = None, 204
    made = get_origin(answer) is Created
    if made:
        (answer,), status = get_args(answer), 201
    return Operation(hints.get("body"), hints.get("query"), answer, status, made, media, errors)


def _answer(value: Any, status: int) -> ResponseReturnValue:
    if value is None:
        return "", status
    if isinstance(value, Response):
        return value
    if isinstance(value, Created):
        headers = {"Location": value.location} if value.location else {}
        return jsonify(value.value), status, headers
    return jsonify(value), status
