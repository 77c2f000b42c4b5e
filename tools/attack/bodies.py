"""Bodies made from the schemas of the API's own document: right ones, and ones with something wrong in one place."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from tools.attack import hostile

Schema = dict[str, Any]
Document = dict[str, Any]
JSON = "application/json"
BY_TYPE: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "null": None}
BY_FORMAT = {
    "date-time": "2026-11-20T10:00:00Z",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "date": "2026-11-20",
}


def body_of(document: Document, operation: Schema) -> Any:
    """A body that an operation's schema allows; None for an operation without one."""
    content = operation.get("requestBody", {}).get("content", {}).get(JSON)
    return None if content is None else right(document, content["schema"])


def right(document: Document, schema: Schema) -> Any:
    """A value that a schema allows, as small as can be."""
    schema = resolved(document, schema)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return right(document, schema[name][0])
    kind = schema.get("type")
    if kind == "object":
        needed = schema.get("required", ())
        return {
            name: right(document, each)
            for name, each in schema.get("properties", {}).items()
            if name in needed
        }
    if kind == "array":
        return [right(document, schema.get("items", {})) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return BY_FORMAT.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
    return (
        max(BY_TYPE.get(str(kind), 1), schema.get("minimum", 0))
        if kind in ("integer", "number")
        else BY_TYPE.get(str(kind))
    )


def wrong(document: Document, schema: Schema, chance: random.Random) -> Iterator[Any]:
    """Bodies for ever: right ones with a hostile value in one field, and hostile values in place of the whole."""
    whole = resolved(document, schema)
    fields = [*whole.get("properties", {}), "a field of nobody"]
    while True:
        value = chance.choice(hostile.VALUES)
        made = right(document, whole)
        if not isinstance(made, dict) or chance.random() < 0.1:
            yield value
            continue
        yield {**made, chance.choice(fields): chance.choice((value, [value], {"x": value}))}


def resolved(document: Document, schema: Schema) -> Schema:
    """The schema itself, where it is a reference."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema
