"""The OpenAPI 3.1 document of the REST API, made from the routes themselves, so that it cannot fall behind."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, current_app
from pydantic import BaseModel
from werkzeug.routing import Rule

from blueprints.api.body import MAX_LIMIT, page, parse
from blueprints.api.body import query as query_parameters
from web.access import declared, public

blueprint = Blueprint("openapi", __name__)
ROOT = "/api/v1"
VARIABLE = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
SCHEMAS = "#/components/schemas/"
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; decide by this"},
        "detail": {"type": "string", "description": "for people"},
        "field": {"type": "string"},
        "retry_after": {"type": "integer", "description": "seconds"},
        "error_id": {"type": "string", "description": "finds the server's log lines"},
    },
}
PAGE_PARAMETERS = [
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
    },
    {
        "name": "cursor",
        "in": "query",
        "schema": {"type": "string"},
        "description": "`next` of the page before",
    },
]


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "format": "uuid"},
    "description": "UUIDv4: the same request with the same key gets the first answer for 24 hours and does nothing more",
}


@blueprint.get("/openapi.json")
@public
def document() -> dict[str, Any]:
    """This document."""
    return openapi(current_app)


def openapi(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of everything `app` serves under /api/v1."""
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(f"{ROOT}/"):
            path = VARIABLE.sub(r"{\g<name>}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                paths.setdefault(path, {})[method.lower()] = _operation(app, rule, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Flotilla", "version": "1", "description": "One link, many bots."},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "an API key, flk_…"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(app: Flask, rule: Rule, schemas: dict[str, Any]) -> dict[str, Any]:
    view = inspect.unwrap(app.view_functions[rule.endpoint])
    access = declared(view)
    operation: dict[str, Any] = {
        "operationId": rule.endpoint.removeprefix("v1."),
        "summary": (inspect.getdoc(view) or "").partition("\n")[0],
        "tags": [rule.endpoint.split(".")[-2]],
        "security": [{"key": [access]}, {"header": [access]}] if access != "public" else [],
        "responses": {
            "2XX": {"description": "Done", "content": {"application/json": {}}},
            "default": {
                "description": "A problem document",
                "content": {"application/problem+json": {"schema": {"$ref": f"{SCHEMAS}Problem"}}},
            },
        },
    }
    parameters = _parameters(rule, view, schemas)
    if "POST" in (rule.methods or set()) and access != "public":
        parameters.append(IDEMPOTENCY_KEY)
    if parameters:
        operation["parameters"] = parameters
    body = _model(view, parse)
    if body is not None:
        content = {"application/json": {"schema": _schema(body, schemas)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(rule: Rule, view: Callable[..., Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": match["name"],
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if match["kind"] == "int" else "string"},
        }
        for match in VARIABLE.finditer(rule.rule)
    ]
    if _names(view, page):
        found += PAGE_PARAMETERS
    asked = _model(view, query_parameters)
    if asked is not None:
        schema = asked.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
        schemas.update(schema.get("$defs", {}))
        found += [
            {"name": name, "in": "query", "schema": each} for name, each in schema["properties"].items()
        ]
    return found


def _names(view: Callable[..., Any], function: Callable[..., Any]) -> bool:
    """Whether the view's code speaks of `function`."""
    return any(view.__globals__.get(name) is function for name in view.__code__.co_names)


def _model(view: Callable[..., Any], reader: Callable[..., Any]) -> type[BaseModel] | None:
    """The model that the view hands to `reader`, which is the one its code names: nothing to declare, or forget."""
    if not _names(view, reader):
        return None
    for name in view.__code__.co_names:
        found = view.__globals__.get(name)
        if inspect.isclass(found) and issubclass(found, BaseModel):
            return found
    return None


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    schema = model.model_json_schema(ref_template=f"{SCHEMAS}{{model}}")
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return {"$ref": f"{SCHEMAS}{model.__name__}"}
