"""Whether requests and answers of the API are what its document says, more strictly than the document itself: an answer
may hold no field that it does not name, and a status must stand at its operation by number."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from flask import Flask
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from blueprints.api.openapi import ROOT, VARIABLE, openapi, routes
from blueprints.api.operation import Operation

JSON = "application/json"
UNEXPECTED = 500  # a fault of ours, which no document announces


_known: dict[frozenset[tuple[str, Operation]], Contract] = {}


def contract_of(app: Flask) -> Contract:
    """The contract of an application; the same for all that serve the same."""
    served = frozenset((route.rule.rule, route.operation) for route in routes(app))
    if served not in _known:
        _known[served] = Contract(app)
    return _known[served]


class Contract:
    """The document of an application, ready to be held against what happens."""

    def __init__(self, app: Flask) -> None:
        self.document = openapi(app)
        self._places = app.url_map.bind("localhost")
        self._open = self.document["components"]
        self._closed = _without_further_fields(self._open)

    def breaches(self, method: str, answer: TestResponse, sent: str | bytes | None) -> list[str]:
        """What of this exchange is not as the document says; nothing to say of paths that it does not describe."""
        request = answer.request
        operation = self._operation(method, request.path)
        if operation is None or answer.status_code == UNEXPECTED:
            return []
        found = list(self._of_answer(operation, answer))
        if answer.status_code < 300:
            found += self._of_request(operation, sent, set(request.args))
        return [f"{method} {request.path} -> {answer.status_code}: {breach}" for breach in found]

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        try:
            rule, _ = self._places.match(path, method, return_rule=True)
        except HTTPException:
            return None
        described = VARIABLE.sub(r"{\g<name>}", rule.rule)
        if not described.startswith(ROOT):  # the paths without a version are the same
            described = described.replace("/api", ROOT, 1)
        found: dict[str, Any] = self.document["paths"].get(described, {}).get(method.lower())
        return found

    def _of_answer(self, operation: dict[str, Any], answer: TestResponse) -> list[str]:
        declared = operation["responses"].get(str(answer.status_code))
        if declared is None:
            return [f"the status is not declared: {answer.text[:200]}"]
        if "$ref" in declared:
            declared = self._open["responses"][declared["$ref"].rpartition("/")[2]]
        missing = [
            name
            for name in declared.get("headers", {})
            if name == "Retry-After" and name not in answer.headers
        ]
        content = declared.get("content", {})
        if not content:
            return [*missing, *(["a body where none is declared"] if answer.data else [])]
        media = answer.mimetype or ""
        if media not in content:
            return [*missing, f"{media} is not declared"]
        if media.endswith("json"):
            missing += self._errors(content[media]["schema"], answer.get_json(), self._closed)
        return missing

    def _of_request(self, operation: dict[str, Any], sent: str | bytes | None, args: set[str]) -> list[str]:
        known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        found = [f"the query parameter {name} is not declared" for name in args - known]
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"][JSON]["schema"]
            found += self._errors(schema, json.loads(sent or "null"), self._open)
        return found

    def _errors(self, schema: dict[str, Any], value: Any, components: dict[str, Any]) -> list[str]:
        whole = {**schema, "components": components}
        checker = OAS31Validator(whole, format_checker=oas31_format_checker)
        return [f"{error.json_path}: {error.message[:300]}" for error in checker.iter_errors(value)]


def _without_further_fields(components: dict[str, Any]) -> dict[str, Any]:
    closed = deepcopy(components)
    for schema in closed["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed
