"""What a broadcast's variants are: messages of its own, or steps of flows at which people are put."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models import Broadcast
from plugins.flows.document import FlowDocument, edges
from plugins.flows.parts import Message
from services.messaging.broadcasts.fields import FlowStep


def step_in(variant: Mapping[str, Any]) -> FlowStep | None:
    """The step of a variant; None for one with a message."""
    stored = variant.get("step")
    return None if stored is None else FlowStep.model_validate(stored)


def steps_of(broadcast: Broadcast) -> dict[int, FlowStep]:
    """Place of the variant -> its step, of those that are steps."""
    found = ((at, step_in(each)) for at, each in enumerate(broadcast.variants))
    return {at: step for at, step in found if step is not None}


def has_step(broadcast: Broadcast) -> bool:
    """Whether one of its variants is a step."""
    return bool(steps_of(broadcast))


def said_from(document: FlowDocument, step: str) -> list[Message]:
    """Every message that somebody may be sent at once on entering the step: its own, and those of steps behind it that wait for
    nobody."""
    ways, said, ahead, seen = _ways_at_once(document), list[Message](), [step], set[str]()
    while ahead:
        found = document.step(ahead.pop())
        if found is not None and found.key not in seen:
            seen.add(found.key)
            said += found.messages
            ahead += ways.get(found.key, ())
    return said


def most_said(document: FlowDocument, step: str) -> int:
    """How many of them one person gets at most: of the arms of a branch it is one."""
    ways, known = _ways_at_once(document), dict[str, int]()

    def most(key: str) -> int:
        if key not in known:
            known[key] = 0  # a circle counts once
            found = document.step(key)
            here = 0 if found is None else len(found.messages)
            known[key] = here + max(map(most, ways.get(key, ())), default=0)
        return known[key]

    return most(step)


def _ways_at_once(document: FlowDocument) -> dict[str, list[str]]:
    ways: dict[str, list[str]] = {}
    for edge in edges(document):
        if edge.at_once:
            ways.setdefault(edge.source, []).append(edge.target)
    return ways
