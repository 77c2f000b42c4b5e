"""The strategies, one pure function each: who of the candidates gets this click.

Chance, counter, loads and visitor come as arguments. `factor` is a candidate's part of its full share: below 1
while it starts slowly or is suspect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

WINDOW_SECONDS = 300.0  # least_connections looks at the last five minutes
CATCH_UP = 1.25  # least_connections: times its share that whoever is behind gets at most
BURST = 2.0  # least_connections: clicks at once beyond that
_MASK = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that may be chosen now. `share` is its weight where the strategy heeds weights, else 1."""

    bot_id: int
    username: str
    share: int = 1
    factor: float = 1.0


# Round robin and weighted: one turn list, a position shared by all processes.


def rotation_of(candidates: Sequence[Candidate]) -> str:
    """The rotation as text, `7*2,9,12~0.35`: bot id, its share if not 1, its factor if below the others'.

    Text, because it travels with the click: the position is known only once the click is written, and whoever reads
    the entry later must find the same bot (`turn`).
    """
    divisor = math.gcd(*(candidate.share for candidate in candidates))
    best = max(candidate.factor for candidate in candidates)
    return ",".join(_turn_text(one, one.share // divisor, one.factor / best) for one in candidates)


def _turn_text(candidate: Candidate, share: int, factor: float) -> str:
    return (
        f"{candidate.bot_id}"
        + (f"*{share}" if share != 1 else "")
        + (f"~{factor:.3f}" if factor < 0.9995 else "")
    )


def turn(rotation: str, position: int) -> int:
    """The bot whose turn it is at `position` (from 0) of `rotation`.

    A slow member gives away the turns that its factor does not cover. Which of its own turns these are, and to which of
    the full members each goes, is evenly spread whatever the shares are: its turns are counted, not the positions.
    """
    cycle, full, slow_slots = _parsed(rotation)
    rounds, slot = divmod(position, len(cycle))
    slow = slow_slots.get(slot)
    if slow is None:
        return cycle[slot]
    part = _dither(rounds * slow.share + slow.number)
    if part < slow.factor:
        return cycle[slot]
    return full[int((part - slow.factor) / (1 - slow.factor) * len(full))]


@dataclass(frozen=True, slots=True)
class Listed:
    """A candidate as a rotation's text names it."""

    bot_id: int
    share: int
    factor: float


def listed_candidates(rotation: str) -> list[Listed]:
    """The candidates that `rotation_of` wrote down; ValueError when it did not."""
    found = []
    for part in filter(None, rotation.split(",")):
        head, _, factor = part.partition("~")
        bot_id, _, share = head.partition("*")
        found.append(Listed(int(bot_id), int(share or 1), float(factor or 1)))
    return found


@dataclass(frozen=True, slots=True)
class _SlowTurn:
    """A slow member's place in the cycle; `number` is that of its turn in the first round, as of `_dither`."""

    share: int
    number: int
    factor: float


Rotation = tuple[tuple[int, ...], tuple[int, ...], dict[int, _SlowTurn]]


def _parsed(rotation: str) -> Rotation:
    """The cycle, each full member as often as its share, and the slow members' places in the cycle."""
    return _passing(rotation) if "~" in rotation else _lasting(rotation)


def _read(rotation: str) -> Rotation:
    listed = listed_candidates(rotation)
    cycle = smooth_cycle(tuple((one.bot_id, one.share) for one in listed))
    full = tuple(one.bot_id for one in listed if one.factor >= 1 for _ in range(one.share))
    places = {}
    for order, one in enumerate(listed):
        if one.factor < 1:
            slots = [slot for slot, bot_id in enumerate(cycle) if bot_id == one.bot_id]
            # Counted from its order: two slow members of one share would else give their turns to the same one.
            places.update(
                {slot: _SlowTurn(one.share, order + turns, one.factor) for turns, slot in enumerate(slots)}
            )
    return cycle, full, places


_lasting = lru_cache(maxsize=1024)(_read)
# Of a pool whose members start slowly there is another one each second, and with 75 of them it takes 16 KB, with large
# weights much more: what is remembered longer than clicks of the same second need it is memory lost.
_passing = lru_cache(maxsize=64)(_read)


@lru_cache(maxsize=1024)
def smooth_cycle(shares: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Smooth weighted round robin: each bot as often as its share, never bunched (5,1,1 -> a a b a c a a).

    The well-known algorithm of nginx: everybody gains its share, the richest is chosen and pays the sum.
    """
    if all(share == 1 for _, share in shares):
        return tuple(bot_id for bot_id, _ in shares)
    total = sum(share for _, share in shares)
    credit = [0] * len(shares)
    cycle = []
    for _ in range(total):
        credit = [have + share for have, (_, share) in zip(credit, shares, strict=True)]
        richest = max(range(len(credit)), key=credit.__getitem__)
        credit[richest] -= total
        cycle.append(shares[richest][0])
    return tuple(cycle)


def _dither(number: int) -> float:
    """Evenly spread numbers in 0..1 without memory: multiples of the golden ratio, for numbers that follow each other."""
    return (number * 0x9E3779B1 & 0xFFFFFFFF) / 0x100000000


# Random


def at_random(candidates: Sequence[Candidate], chance: float) -> Candidate:
    """The candidate that `chance` (0..1) falls on, each as likely as its share and factor."""
    target = chance * sum(candidate.share * candidate.factor for candidate in candidates)
    for candidate in candidates:
        target -= candidate.share * candidate.factor
        if target < 0:
            return candidate
    return candidates[-1]


# Least connections


@dataclass(frozen=True, slots=True)
class Balance:
    """What least_connections goes by, by bot id: the load of the window, and the clicks that this process may now give."""

    loads: Mapping[int, float]
    allowance: Mapping[int, float]


def least_loaded(candidates: Sequence[Candidate], balance: Balance) -> Candidate:
    """The candidate with the least load (redirects and active chats of the window) per share; ties to the lowest id.

    Who has little load because it was away, or because its weight was changed, would get everything until it has
    caught up: `allowance_after` bounds that. A slow member gets what its factor says, whatever the loads are.
    """
    best = max(one.factor for one in candidates)
    slow = [one for one in candidates if one.factor < best and balance.allowance.get(one.bot_id, 0.0) >= 1]
    if slow:
        return max(slow, key=lambda one: balance.allowance[one.bot_id])
    full = [one for one in candidates if one.factor == best]
    allowed = [one for one in full if balance.allowance.get(one.bot_id, BURST) >= 1]
    return min(allowed or full, key=lambda one: (balance.loads.get(one.bot_id, 0.0) / one.share, one.bot_id))


def allowance_after(
    candidates: Sequence[Candidate], allowance: Mapping[int, float], bot_id: int
) -> dict[int, float]:
    """The clicks that each may have after one went to `bot_id`: each click adds a part of its own for everybody.

    A full member's part is `CATCH_UP` times its share, a slow one's exactly its factor's.
    """
    best = max(one.factor for one in candidates)
    shares = sum(one.share for one in candidates)
    parts = sum(one.share * one.factor / best for one in candidates)
    after = {}
    for one in candidates:
        slow = one.factor < best
        part = one.share * one.factor / best / shares if slow else CATCH_UP * one.share / parts
        spent = 1 if one.bot_id == bot_id else 0
        after[one.bot_id] = min(BURST, allowance.get(one.bot_id, 0.0 if slow else BURST) + part - spent)
    return after


# Sticky visitors


def rendezvous(candidates: Sequence[Candidate], visitor: str) -> Candidate:
    """The candidate this visitor belongs to: weighted rendezvous hashing.

    Losing a candidate moves only its own visitors, and they return when it does; during its slow start they
    return little by little.
    """
    seed = _mix(hash_of(visitor))
    return max(
        candidates,
        key=lambda one: (
            one.share * one.factor / -math.log(_unit(_mix(seed ^ _mix(one.bot_id)))),
            one.bot_id,
        ),
    )


def hash_of(text: str) -> int:
    """A 64-bit hash that is the same in every process (FNV-1a), unlike Python's own."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & _MASK
    return value


def _mix(value: int) -> int:
    """The finaliser of splitmix64: neighbouring numbers come out unrelated."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


def _unit(value: int) -> float:
    """From 64 bits to the open interval 0..1."""
    return ((value >> 11) + 0.5) / (1 << 53)
