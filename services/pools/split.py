"""Splitting a link by percentage, the same visitor always alike (R7): a pure function of experiment and visitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

_SCALE = 10_000  # hundredths of a percent


@dataclass(frozen=True, slots=True)
class Arm:
    """A pool and its part in percent."""

    pool_id: int
    percent: int


def arm_of(experiment_id: int, arms: Sequence[Arm], visitor: str) -> int | None:
    """The pool that `visitor` belongs to; None when the percentages leave the visitor out (they may sum below 100).

    Arms are laid side by side in the order given; raising the last one's part moves nobody who was inside already.
    Another experiment throws the dice anew, so that two of them do not lean on each other.
    """
    spot = _spot(experiment_id, visitor)
    upper = 0
    for arm in arms:
        upper += arm.percent * _SCALE // 100
        if spot < upper:
            return arm.pool_id
    return None


def is_sound(arms: Sequence[Arm]) -> bool:
    """Whether these can be an experiment: two or more different pools, each above 0, together at most 100 %."""
    parts = [arm.percent for arm in arms]
    return (
        len(arms) >= 2
        and len({arm.pool_id for arm in arms}) == len(arms)
        and min(parts) > 0
        and sum(parts) <= 100
    )


def _spot(experiment_id: int, visitor: str) -> int:
    digest = blake2b(f"{experiment_id}:{visitor}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * _SCALE >> 64
