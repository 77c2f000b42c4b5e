"""A draft read as far as it can be: what its fields alone get wrong, and the steps that are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from plugins.flows.document import MOST_STEPS, FlowDocument, Step
from services.core.validation_texts import reason_of
from services.fleet.flows.checks.findings import Finding, Place

CODES: Final = {"missing": "flow_field_missing", "extra_forbidden": "flow_field_unknown"}


@dataclass(frozen=True)
class Shape:
    """`document` has the draft's sound steps; `is_whole` when that is all of it. `keys` are those of all steps.

    Of a draft with more steps than a flow can have it has the first ones only: what is looked at is never longer.
    """

    document: FlowDocument
    findings: tuple[Finding, ...]
    keys: frozenset[str]
    is_whole: bool


def read(draft: Mapping[str, Any]) -> Shape:
    """What a draft says, as far as it makes sense."""
    steps = draft.get("steps")
    raw = steps if isinstance(steps, list) else []
    keys = frozenset(
        key for each in raw if isinstance(each, dict) and isinstance(key := each.get("key"), str)
    )
    try:
        return Shape(FlowDocument.model_validate(dict(draft)), (), keys, is_whole=True)
    except ValidationError as error:
        found = tuple(_findings(draft, error))
    sound = [step for each in raw[: MOST_STEPS + 1] if (step := _sound(each)) is not None]
    start, variables = draft.get("start"), draft.get("variables")
    document = FlowDocument.model_construct(
        start=start if isinstance(start, str) else "",
        steps=sound,
        variables=variables if isinstance(variables, dict) else {},
    )
    return Shape(document, found, keys, is_whole=False)


def step_at(draft: Mapping[str, Any], place: Place) -> str | None:
    """The key of the step in which a place lies."""
    match place:
        case ("steps", int() as number, *_):
            step = draft["steps"][number]
            return str(step["key"]) if isinstance(step, dict) and "key" in step else None
        case _:
            return None


def _sound(raw: Any) -> Step | None:
    try:
        return Step.model_validate(raw)
    except ValidationError:
        return None


def _findings(draft: Mapping[str, Any], error: ValidationError) -> Iterator[Finding]:
    for found in error.errors(include_url=False, include_input=False):
        place = _place(draft, found["loc"])
        yield Finding(_code(found), reason_of(found), step_at(draft, place), place)


def _code(found: ErrorDetails) -> str:
    kind = found["type"]
    return kind if kind.startswith("flow_") else CODES.get(kind, "flow_field_wrong")


def _place(draft: Mapping[str, Any], location: tuple[str | int, ...]) -> Place:
    """Pydantic's location without the kinds of unions, which are no places."""
    here: Any = draft
    place: list[str | int] = []
    for number, part in enumerate(location):
        if isinstance(here, dict) and here.get("kind") == part and _in_union(location[:number]):
            continue
        place.append(part)
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            break  # a field that is missing
    return tuple(place)


def _in_union(before: tuple[str | int, ...]) -> bool:
    """Whether what comes next in a location is a kind: behind `then`, or behind the number of an action."""
    match before:
        case (*_, "then") | (*_, "actions", int()):
            return True
        case _:
            return False
