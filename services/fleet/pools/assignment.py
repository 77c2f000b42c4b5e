"""Splitting a link by percentage, the same visitor always alike: a pure function of experiment and visitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.fleet.pools.strategies import Candidate, rendezvous


@dataclass(frozen=True, slots=True)
class Arm:
    """A pool and its part in percent."""

    pool_id: int
    percent: int


def arm_of(experiment_id: int, arms: Sequence[Arm], visitor: str) -> int:
    """The pool that `visitor` belongs to, nothing stored: weighted rendezvous hashing.

    Without an arm only its own visitors move. Another experiment throws the dice anew, so that two of them do not
    lean on each other.
    """
    candidates = [Candidate(arm.pool_id, "", arm.percent) for arm in arms]
    return rendezvous(candidates, f"{experiment_id}:{visitor}").bot_id
