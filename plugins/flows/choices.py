"""What a flow decides by: conditions, written words, and chance that is the same for the same person ever after."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from plugins.flows.parts import Arm, Branch, Condition, Split, TextReply
from plugins.flows.run import Person

LONGEST_VALUE = 500  # characters of a variable


def holds(condition: Condition, person: Person, variables: Mapping[str, str]) -> bool:
    """Whether all that a condition names is true of the person now."""
    value = variables.get(condition.variable or "", "").casefold().strip()
    checks = [
        condition.tag is None or condition.tag in person.tags,
        condition.no_tag is None or condition.no_tag not in person.tags,
        condition.language is None or person.language.lower().partition("-")[0] == condition.language,
        condition.goal is None or condition.goal in person.goals,
        condition.equals is None or value == condition.equals.casefold().strip(),
        condition.contains is None or condition.contains.casefold() in value,
    ]
    return all(checks)


def branched(branch: Branch, person: Person, variables: Mapping[str, str]) -> str:
    """The step of the first true case."""
    found = (case.step for case in branch.cases if holds(case.when, person, variables))
    return next(found, branch.otherwise)


def drawn(flow_id: int, split: Split, person: Person) -> Arm:
    """The arm of a person: by a hash, so that they get the same one again, in other flows' splits independently of it."""
    key = f"{flow_id}:{split.name}:{person.telegram_id}".encode()
    point = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") % 10_000 / 100
    for arm in split.arms:
        point -= arm.percent
        if point < 0:
            return arm
    return split.arms[-1]


def answers(reply: TextReply, text: str) -> bool:
    """Whether a written message is the one that a reply waits for; spaces around it and capitals do not matter."""
    said = text.casefold().strip()
    return (reply.equals is None or said == reply.equals.casefold().strip()) and (
        reply.contains is None or reply.contains.casefold() in said
    )


def is_called_off(unless: list[str], person: Person) -> bool:
    """Whether one of the events came that a follow-up is not sent after; a reply has called it off when it came."""
    return any(
        (kind == "tag" and name in person.tags) or (kind == "goal" and name in person.goals)
        for kind, _, name in (each.partition(":") for each in unless)
    )
