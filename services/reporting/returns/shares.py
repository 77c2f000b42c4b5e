"""An amount split in proportion to counts, so that the parts sum up to it to the millionth. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")


def shares(micros: int, weights: Mapping[Key, int]) -> dict[Key, int]:
    """`micros` by the weights of keys, none below zero; what rounding down leaves goes to the largest remainders, of equal
    ones to the smaller key. {} when all weights are zero.
    """
    total = sum(weights.values())
    if not total:
        return {}
    parts = {key: divmod(micros * weight, total) for key, weight in weights.items()}
    left = micros - sum(part for part, _ in parts.values())
    first = sorted(parts, key=lambda key: (-parts[key][1], str(key)))[:left]
    return {key: part + (key in set(first)) for key, (part, _) in parts.items()}
