"""The OpenAPI 3.1 document of the REST API, made of what the routes declare (ADR 24), and a page to read it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NotRequired

from flask import Blueprint, Flask, current_app, render_template
from pydantic import TypeAdapter
from typing_extensions import TypedDict
from werkzeug.routing import Rule

from blueprints.api.body import DEFAULT_LIMIT, MAX_LIMIT, Page
from blueprints.api.operation import JSON, Operation, operation, operation_of
from services.core.answer_types import Sentence
from web.access import BY_WORKER, PUBLIC, declared, public

blueprint = Blueprint("openapi", __name__)
ROOT: Final = "/api/v1"
EXTENSION: Final = "flotilla.openapi"
VARIABLE: Final = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
SCHEMAS: Final = "#/components/schemas/"
FORM: Final = "multipart/form-data"
FILE_FORM: Final = {
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}},
    "required": ["file"],
}
PROBLEM: Final = "application/problem+json"
ABOUT: Final = """One link, many bots.

Sign requests with an API key (`Authorization: Bearer flk_…` or `X-API-Key: flk_…`); a signed-in browser uses its session and sends `X-CSRFToken` with whatever changes something. Errors are problem documents with a stable `code`. Paths of redirect pools work without `/v1` too."""
# Status -> name and description of the answer.
ERRORS: Final = {
    400: ("BadRequest", "The session's CSRF token is missing or out of date"),
    401: ("Unauthenticated", "Nobody is signed in, or the key is wrong, revoked or out of date"),
    403: ("Forbidden", "The key lacks the scope"),
    404: ("NotFound", "It does not exist, or belongs to somebody else"),
    409: (
        "Conflict",
        "A rule of uniqueness or state or a quota forbids it, or the first request with this key still runs",
    ),
    413: ("TooLarge", "The body is over 1 MB, or over 51 MB where a file is uploaded"),
    415: ("JsonExpected", "The body is no application/json"),
    422: ("Invalid", "The request is malformed or makes no sense; `field` names the part"),
    429: ("RateLimited", "Too many requests; try again after `Retry-After` seconds"),
    502: ("Upstream", "Telegram, or a receiver of notifications, answered nothing sound"),
    503: ("Unavailable", "A part that is needed does not answer; try again after `Retry-After` seconds"),
}
RETRY_AFTER: Final = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
PAGE_PARAMETERS: Final = [
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    },
    {
        "name": "cursor",
        "in": "query",
        "schema": {"type": "string", "pattern": "^[0-9]{0,19}$"},
        "description": "`next` of the page before",
    },
]
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "format": "uuid"},
    "description": "UUIDv4: the same request with the same key gets the first answer for 24 hours and does nothing more. "
    "An answer too long to be kept is not given again: 409 `idempotency_not_kept`",
}
REPLAYED: Final = {
    "Idempotency-Replayed": {
        "description": "`true` on the answer of a former request with the same key",
        "schema": {"type": "string"},
    }
}


class Problem(TypedDict):
    """Why a request was refused (RFC 9457). Decide by `code`, which is stable; `field` names the offending part."""

    type: str
    title: str
    status: int
    code: str
    detail: Sentence
    field: NotRequired[str]
    retry_after: NotRequired[int]
    error_id: NotRequired[str]


@dataclass(frozen=True)
class Route:
    """An operation at its place. `access` is a scope, or "public"."""

    rule: Rule
    method: str
    access: str
    operation: Operation
    description: str

    @property
    def id(self) -> str:
        """The name of the operation, as in "pools.create"."""
        return str(self.rule.endpoint).removeprefix("v1.")

    @property
    def path(self) -> str:
        """As OpenAPI writes it: `/api/v1/bots/{bot_id}`."""
        return VARIABLE.sub(r"{\g<name>}", self.rule.rule)


@blueprint.get("/openapi.json")
@public
@operation()
def document() -> dict[str, Any]:
    """This document."""
    return openapi(current_app)


@blueprint.get("/docs")
@public
def docs() -> str:
    """The document as a page that needs nothing from elsewhere."""
    return render_template("api_docs.html", document=openapi(current_app), schemas=SCHEMAS)


def openapi(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of everything `app` serves under /api/v1; made once."""
    known: dict[str, Any] | None = app.extensions.get(EXTENSION)
    if known is None:
        known = app.extensions[EXTENSION] = _made(list(routes(app)))
    return known


def routes(app: Flask) -> Iterator[Route]:
    """All declared operations of the API, by path and method."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        found = operation_of(view)
        if found is not None and rule.rule.startswith(f"{ROOT}/"):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield Route(rule, method, declared(view) or "", found, inspect.getdoc(view) or "")


def _made(found: list[Route]) -> dict[str, Any]:
    models: list[tuple[Any, Any, TypeAdapter[Any]]] = [("", "serialization", TypeAdapter(Problem))]
    for route in found:
        if route.operation.body is not None:
            models.append((route.id, "validation", TypeAdapter(route.operation.body)))
        if route.operation.answer is not None and route.operation.media == JSON:
            models.append((route.id, "serialization", TypeAdapter(route.operation.answer)))
    used, shared = TypeAdapter.json_schemas(models, ref_template=f"{SCHEMAS}{{model}}")
    schemas: dict[str, Any] = shared.get("$defs", {})
    _name_apart(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, used, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Flotilla", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(route) for route in found)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {name: _problem(status) for status, (name, _) in ERRORS.items()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "an API key, flk_…"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "worker": {"type": "http", "scheme": "bearer", "description": "a bot's worker token"},
            },
        },
    }


def _operation(route: Route, used: dict[Any, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    summary, _, description = route.description.partition("\n\n")
    made: dict[str, Any] = {
        "operationId": route.id,
        "summary": " ".join(summary.split()),
        "tags": [_tag(route)],
        "security": _security(route.access),
        "responses": _responses(route, used),
    }
    if description:
        made["description"] = " ".join(description.split())
    if parameters := list(_parameters(route, schemas)):
        made["parameters"] = parameters
    if route.operation.body is not None:
        schema = used[route.id, "validation"]
        if route.method == "PATCH":
            _without_defaults(schema, schemas)
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    elif route.operation.takes_file:
        made["requestBody"] = {"required": True, "content": {FORM: {"schema": FILE_FORM}}}
    return made


def _security(access: str) -> list[dict[str, list[str]]]:
    if access == PUBLIC:
        return []
    return [{"worker": []}] if access == BY_WORKER else [{"key": [access]}, {"header": [access]}]


def _responses(route: Route, used: dict[Any, Any]) -> dict[str, Any]:
    declared_here = route.operation
    answer: dict[str, Any] = {"description": "Done"}
    if declared_here.answer is not None:
        schema = used[route.id, "serialization"] if declared_here.media == JSON else _content(declared_here)
        answer["content"] = {declared_here.media: {"schema": schema}}
    headers = REPLAYED if _is_repeatable(route) else {}
    if declared_here.has_location:
        headers = {**headers, "Location": {"schema": {"type": "string"}}}
    if headers:
        answer["headers"] = headers
    refused = {
        str(status): {"$ref": f"#/components/responses/{ERRORS[status][0]}"} for status in _errors(route)
    }
    return {str(declared_here.status): answer, **refused, "default": _problem_answer("Any other problem")}


def _content(operation: Operation) -> dict[str, str]:
    """Text as it stands, or the bytes of a file."""
    is_text = operation.media.startswith("text/") or operation.media.endswith("+xml")
    return {"type": "string"} if is_text else {"type": "string", "format": "binary"}


def _errors(route: Route) -> list[int]:
    """The statuses that the form of the route makes possible, and those that it declares beside them."""
    found = set(route.operation.errors)
    if route.access != PUBLIC:
        found |= {401, 429, 503}
    if route.access not in (PUBLIC, BY_WORKER):
        found.add(403)
        if route.method != "GET":
            found.add(400)
    if route.rule.arguments:
        found.add(404)
    if any(match["kind"] != "int" for match in VARIABLE.finditer(route.rule.rule)):
        found.add(422)
    if route.operation.body is not None:
        found |= {413, 415, 422}
    if route.operation.takes_file:
        found |= {413, 422}
    if route.operation.query is not None:
        found.add(422)
    if _is_repeatable(route):
        found |= {409, 422}
    return sorted(found)


def _parameters(route: Route, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for match in VARIABLE.finditer(route.rule.rule):
        schema = {"type": "integer", "minimum": 0} if match["kind"] == "int" else {"type": "string"}
        yield {"name": match["name"], "in": "path", "required": True, "schema": schema}
    if route.operation.query is Page:
        yield from PAGE_PARAMETERS
    elif route.operation.query is not None:
        asked: TypeAdapter[Any] = TypeAdapter(route.operation.query)
        fields: dict[str, Any] = asked.json_schema(ref_template=f"{SCHEMAS}{{model}}")
        schemas.update(fields.get("$defs", {}))
        for name, each in fields["properties"].items():
            yield {"name": name, "in": "query", "schema": each}
    if _is_repeatable(route):
        yield IDEMPOTENCY_KEY


def _name_apart(schemas: dict[str, Any]) -> None:
    """Titles as the schemas are named: pydantic calls every `Listing[…]` Listing, and programs that make classes of the
    titles would keep one of them."""
    for name, schema in schemas.items():
        schema["title"] = name


def _without_defaults(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What a change leaves out stays: a default in the document would have generated clients send it."""
    fields = schemas[schema["$ref"].removeprefix(SCHEMAS)]["properties"]
    for field in fields.values():
        field.pop("default", None)


def _problem(status: int) -> dict[str, Any]:
    headers = {"headers": RETRY_AFTER} if status in (429, 503) else {}
    return {**_problem_answer(ERRORS[status][1]), **headers}


def _problem_answer(description: str) -> dict[str, Any]:
    return {"description": description, "content": {PROBLEM: {"schema": {"$ref": f"{SCHEMAS}Problem"}}}}


def _is_repeatable(route: Route) -> bool:
    return route.method == "POST" and route.access not in (PUBLIC, BY_WORKER)


def _tag(route: Route) -> str:
    return str(route.rule.endpoint).split(".")[-2]
