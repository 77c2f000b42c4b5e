"""What became of each of several things that were asked for at once: what was made of it, or why it was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar

from services.core.errors import FlotillaError

Item = TypeVar("Item")
Value = TypeVar("Value")
Outcome: TypeAlias = Value | FlotillaError


def each(items: Iterable[Item], work: Callable[[Item], Value]) -> list[Outcome[Value]]:
    """What `work` makes of every item, in order; a refusal of one does not keep the others from it."""
    return [_attempted(item, work) for item in items]


def only(outcomes: Sequence[Outcome[Value]]) -> Value:
    """The value of a single outcome; raises the refusal."""
    (outcome,) = outcomes
    if isinstance(outcome, FlotillaError):
        raise outcome
    return outcome


def _attempted(item: Item, work: Callable[[Item], Value]) -> Outcome[Value]:
    try:
        return work(item)
    except FlotillaError as refusal:
        return refusal
