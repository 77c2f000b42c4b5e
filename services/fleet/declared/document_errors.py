"""What pydantic finds wrong in a document, at its line and column, with the nearest right word."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.core.i18n import Text
from services.core.validation_texts import reason_of
from services.fleet.declared.problems import Place, Wrong, nearest
from services.fleet.declared.yaml_source import Node

Location = tuple[str | int, ...]
NOT_TEXT: Final = (int, float, bool)
ENTRY, NUMBER = "AccessEntry", "constrained-int"  # the forms of a person in a list, as pydantic names them


def errors_at(node: Node, error: ValidationError, fields: Fields) -> Iterator[Wrong]:
    """What pydantic found, each at its place; of the several answers of a union the one that fits what is written."""
    told = set[tuple[Place, str]]()
    for found in error.errors(include_url=False, include_input=False):
        place, value = _place_of(node, found["loc"], key=found["type"] == "extra_forbidden")
        if (place, _code_of(found)) in told or _is_another_branch(value, found["loc"]):
            continue
        told.add((place, _code_of(found)))
        yield Wrong(place, _code_of(found), _reason(found, value, fields))


def _place_of(node: Node, location: Location, *, key: bool = False) -> tuple[Place, Node]:
    """The deepest place that the file has for a location, of the value or of its key, and what stands there."""
    place = node.place
    for step in location:
        child = _child(node, step)
        if child is not None:
            place = node.keys[str(step)] if key and isinstance(node.value, dict) else child.place
            node = child
    return place, node


def _is_branch(step: str | int) -> bool:
    """Whether a step of pydantic's names a form of a union, not a place in the document."""
    return step in (ENTRY, NUMBER)


def _is_another_branch(node: Node, location: Location) -> bool:
    """Whether the error is about a form of the value that was not meant: an object where a number stands, or the other way."""
    if ENTRY in location:
        return not isinstance(node.value, dict) and location[-1] == ENTRY
    return isinstance(node.value, dict) and location[-1] == NUMBER


def _code_of(found: ErrorDetails) -> str:
    return {"extra_forbidden": "unknown_key", "missing": "key_missing"}.get(found["type"], "value_wrong")


def _reason(found: ErrorDetails, node: Node, fields: Fields) -> Text:
    kind, last = found["type"], str(found["loc"][-1]) if found["loc"] else ""
    if kind == "extra_forbidden":
        meant = nearest(last, fields.at(found["loc"][:-1]))
        if meant:
            return Text("There is no field {name} here; did you mean {meant}?", name=last, meant=meant)
        return Text("There is no field {name} here", name=last)
    if kind == "missing":
        return Text("{name} is missing", name=last)
    where = ".".join(str(step) for step in found["loc"] if not _is_branch(step))
    if kind == "string_type" and isinstance(node.value, NOT_TEXT):
        return Text("{where}: text is wanted here; put it in quotes", where=where)
    if kind in ("literal_error", "enum") and isinstance(node.value, str):
        known = {each.lower(): each for each in _choices(found)}
        meant = known.get(nearest(node.value.lower(), known), "")
        if meant:
            return Text("{where}: did you mean {meant}?", where=where, meant=meant)
    return Text("{where}: {reason}", where=where, reason=reason_of(found))


def _choices(found: ErrorDetails) -> list[str]:
    return [
        word.strip(" '")
        for word in str(found.get("ctx", {}).get("expected", "")).replace(" or ", ",").split(",")
    ]


class Fields:
    """Which keys a model knows at a place, by its JSON Schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def at(self, location: Location) -> list[str]:
        """The keys that may stand at `location`."""
        schemas = [self._schema]
        for step in location:
            further = [found for schema in schemas for found in self._below(schema, step)]
            schemas = further or schemas  # a union's name is no step of the document
        return [
            key for schema in schemas for each in self._forms(schema) for key in each.get("properties", ())
        ]

    def _below(self, schema: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
        for form in self._forms(schema):
            if isinstance(step, int) and "items" in form:
                yield form["items"]
            elif step in form.get("properties", ()):
                yield form["properties"][step]

    def _forms(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The schema itself, or what it stands for."""
        if "$ref" in schema:
            yield from self._forms(self._schema["$defs"][schema["$ref"].rpartition("/")[2]])
        elif "anyOf" in schema:
            for each in schema["anyOf"]:
                yield from self._forms(each)
        else:
            yield schema


@cache
def fields_of(model: type[BaseModel]) -> Fields:
    """The keys of `model`."""
    return Fields(model.model_json_schema())


def mapping(node: Node) -> dict[str, Node]:
    """What is in a mapping; nothing in another value."""
    return node.value if isinstance(node.value, dict) else {}


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(step))
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def node_at(node: Node, location: Location, *, key: bool = False) -> Node:
    """The node at `location`, or the last one on the way to it; with `key` an empty one where it is not there."""
    for step in location:
        child = _child(node, step)
        if child is None:
            return Node(node.place, {}) if key else node
        node = child
    return node
