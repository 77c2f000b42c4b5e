"""Whether requests and answers of the API are what its document says, more strictly than the document itself: an answer
may hold no field that it does not name, and a status must stand at its operation by number."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

JSON = "application/json"
ROOT = "/api/v1"
VARIABLE = re.compile(r"{(\w+)}")
UNEXPECTED = 500  # a fault of ours, which no document announces


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    method: str
    path: str
    args: frozenset[str]  # names in the query
    sent: str | bytes | None
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media(self) -> str:
        """The type of the answer's content, without its parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()


class Contract:
    """The document of an API, ready to be held against what happens."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._places = Map(_rules(document), strict_slashes=False).bind("localhost")
        self._open = document["components"]
        self._closed = _without_further_fields(self._open)

    def breaches(self, exchange: Exchange) -> list[str]:
        """What of this exchange is not as the document says; nothing to say of paths that it does not describe."""
        found = self.breaches_of_answer(exchange)
        operation = self._operation(exchange.method, exchange.path)
        if operation is not None and exchange.status < 300:
            found += _marked(exchange, self._of_request(operation, exchange))
        return found

    def breaches_of_answer(self, exchange: Exchange) -> list[str]:
        """The same of the answer alone: whoever attacks sends what no document describes."""
        operation = self._operation(exchange.method, exchange.path)
        if operation is None or exchange.status == UNEXPECTED:
            return []
        return _marked(exchange, self._of_answer(operation, exchange))

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        if not path.startswith(f"{ROOT}/"):  # the paths without a version are the same
            path = path.replace("/api", ROOT, 1)
        try:
            described, _ = self._places.match(path, method)
        except HTTPException:
            return None
        found: dict[str, Any] = self.document["paths"][described][method.lower()]
        return found

    def _of_answer(self, operation: dict[str, Any], exchange: Exchange) -> list[str]:
        declared = operation["responses"].get(str(exchange.status))
        if declared is None:
            return [f"the status is not declared: {exchange.body[:200]!r}"]
        if "$ref" in declared:
            declared = self._open["responses"][declared["$ref"].rpartition("/")[2]]
        missing = [
            name
            for name in declared.get("headers", {})
            if name == "Retry-After" and name not in exchange.headers
        ]
        content = declared.get("content", {})
        if not content:
            return [*missing, *(["a body where none is declared"] if exchange.body else [])]
        if exchange.media not in content:
            return [*missing, f"{exchange.media} is not declared"]
        if exchange.media.endswith("json"):
            missing += self._errors(
                content[exchange.media]["schema"], json.loads(exchange.body), self._closed
            )
        return missing

    def _of_request(self, operation: dict[str, Any], exchange: Exchange) -> list[str]:
        known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        found = [f"the query parameter {name} is not declared" for name in exchange.args - known]
        if JSON in operation.get("requestBody", {}).get("content", {}):
            schema = operation["requestBody"]["content"][JSON]["schema"]
            found += self._errors(schema, json.loads(exchange.sent or "null"), self._open)
        return found

    def _errors(self, schema: dict[str, Any], value: Any, components: dict[str, Any]) -> list[str]:
        whole = {**schema, "components": components}
        checker = OAS31Validator(whole, format_checker=oas31_format_checker)
        return [f"{error.json_path}: {error.message[:300]}" for error in checker.iter_errors(value)]


def _marked(exchange: Exchange, breaches: list[str]) -> list[str]:
    return [f"{exchange.method} {exchange.path} -> {exchange.status}: {breach}" for breach in breaches]


def _rules(document: dict[str, Any]) -> list[Rule]:
    """The document's paths, each known by the name that it has there."""
    return [
        Rule(VARIABLE.sub(r"<\1>", path), endpoint=path, methods=[method.upper()])
        for path, operations in document["paths"].items()
        for method in operations
    ]


def _without_further_fields(components: dict[str, Any]) -> dict[str, Any]:
    closed = deepcopy(components)
    for schema in closed["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed
