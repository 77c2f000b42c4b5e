"""A plugin as the panel and programs see it: its metadata, and its configuration model as the fields of a form.

A model that holds others, or itself, is named once: fields of the kinds `object` and `objects` say which of `models` they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import TypedDict

from plugins.base import BasePlugin

LONG_TEXT: Final = 300  # characters from which on a text gets a box of several lines
PLAIN: Final = ("text", "long", "number", "choice")  # kinds that a list can hold line by line
Schema = Mapping[str, Any]


class FieldView(TypedDict):
    """A field of a form. `kind` says what is drawn: text, long, number, switch, choice, values (a list of plain values, of
    the kind `item`), object and objects (one and many of `model`), json (what has no form). `blank` is what an emptied field
    stands for: "empty" itself, "null", or "default", where the field is left out.
    """

    name: str
    title: str
    description: str
    group: str
    kind: str
    item: str
    model: str
    choices: list[Any]
    default: Any
    required: bool
    blank: str
    whole: bool
    minimum: float | None
    maximum: float | None
    longest: int | None
    most: int | None


class PluginDescription(TypedDict):
    """A plugin that can be chosen. `schema` is the JSON Schema of its configuration, `fields` and `models` are its form."""

    name: str
    title: str
    description: str
    version: str
    author: str
    dependencies: list[str]
    schema: dict[str, Any]
    fields: list[FieldView]
    models: dict[str, list[FieldView]]


def describe(plugin: type[BasePlugin]) -> PluginDescription:
    """Its metadata, and its configuration as schema and as form."""
    schema = plugin.config_model.model_json_schema()
    defaults = plugin.config_model.model_construct().model_dump(mode="json", warnings=False)
    definitions = schema.get("$defs", {})
    return {
        "name": plugin.name,
        "title": plugin.title or plugin.name,
        "description": plugin.description,
        "version": plugin.version,
        "author": plugin.author,
        "dependencies": sorted(plugin.dependencies),
        "schema": schema,
        "fields": _fields(schema, definitions, defaults),
        "models": {
            name: _fields(each, definitions, {}) for name, each in definitions.items() if _is_model(each)
        },
    }


def _fields(schema: Schema, definitions: Schema, defaults: Schema) -> list[FieldView]:
    required = schema.get("required", ())
    return [
        _field(name, each, definitions, defaults.get(name, each.get("default")), name in required)
        for name, each in schema.get("properties", {}).items()
    ]


def _field(name: str, given: Schema, definitions: Schema, default: Any, required: bool) -> FieldView:
    found, optional = _resolved(given, definitions)
    kind = _kind(found, definitions)
    if kind == "object" and optional:
        kind = "json"  # a form of one would make it be there
    items, _ = _resolved(found.get("items", {}), definitions)
    return {
        "name": name,
        "title": str(given.get("title") or name),
        "description": str(given.get("description", "")),
        "group": str(given.get("group", "")),
        "kind": kind,
        "item": _kind(items, definitions) if kind == "values" else "",
        "model": {"object": _name(given), "objects": _name(found.get("items", {}))}.get(kind, ""),
        "choices": list((items if kind == "values" else found).get("enum", ())),
        "default": default,
        "required": required,
        "blank": _blank(kind, found, default, optional),
        "whole": "integer" in (found.get("type"), items.get("type")),
        "minimum": found.get("minimum"),
        "maximum": found.get("maximum"),
        "longest": (items if kind == "values" else found).get("maxLength"),
        "most": found.get("maxItems"),
    }


def _resolved(schema: Schema, definitions: Schema) -> tuple[Schema, bool]:
    """What `schema` stands for, and whether null may stand in its place; of other unions itself."""
    choices = schema.get("anyOf", ())
    others = [each for each in choices if each.get("type") != "null"]
    optional = len(others) < len(choices)
    found = others[0] if len(others) == 1 else schema
    return definitions.get(_name(found), found), optional


def _name(schema: Schema) -> str:
    """The definition that is meant, also by an optional field; "" for none."""
    found: Schema = next((each for each in (schema, *schema.get("anyOf", ())) if "$ref" in each), {})
    return str(found.get("$ref", "")).rpartition("/")[2]


def _kind(schema: Schema, definitions: Schema) -> str:
    if schema.get("enum"):
        return "choice"
    if _is_model(schema):
        return "object"
    if schema.get("type") == "array":
        inner = _kind(_resolved(schema.get("items", {}), definitions)[0], definitions)
        return "objects" if inner == "object" else "values" if inner in PLAIN else "json"
    if schema.get("type") == "string":
        return (
            "long" if schema.get("maxLength", LONG_TEXT) >= LONG_TEXT and "pattern" not in schema else "text"
        )
    return {"boolean": "switch", "integer": "number", "number": "number"}.get(schema.get("type", ""), "json")


def _is_model(schema: Schema) -> bool:
    return schema.get("type") == "object" and "properties" in schema


def _blank(kind: str, schema: Schema, default: Any, optional: bool) -> str:
    if optional:
        return "null"
    refuses = kind in ("number", "choice") or schema.get("minLength", 0) or "pattern" in schema
    return "default" if refuses and default not in (None, "") else "empty"
