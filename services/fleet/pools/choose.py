"""Who of the tier that serves gets a click: pure functions over a pool's snapshot.

`prepare` does once per change (or per second of a slow start) what all clicks share; `choose` is the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models import MemberStatus, Strategy
from services.fleet.pools.model import MemberSnapshot, PoolSnapshot
from services.fleet.pools.strategies import (
    Balance,
    Candidate,
    at_random,
    least_loaded,
    rendezvous,
    rotation_of,
)
from services.fleet.pools.tiers import serving

SLOW_START_FLOOR = 0.1  # a bot that (re)joins begins with a tenth of its share
NEVER = float("inf")
HEEDS_WEIGHT = {Strategy.WEIGHTED, Strategy.LEAST_CONNECTIONS}
ROTATES = {Strategy.ROUND_ROBIN, Strategy.WEIGHTED}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pool's candidates, ready for many clicks until `valid_until` (epoch seconds)."""

    pool: PoolSnapshot
    candidates: tuple[Candidate, ...]
    tier: str  # "tier1", "tier0", "tier-1", "degraded", or "" without a candidate
    reason: str  # "round_robin/tier0"
    listed: str  # the candidates as text, as of `strategies.rotation_of`
    rotates: bool  # whether a shared position chooses among them (`strategies.turn`)
    usernames: Mapping[int, str]
    valid_until: float

    @property
    def rotation(self) -> str:
        """The list that `strategies.turn` reads; "" when the choice needs no shared position."""
        return self.listed if self.rotates else ""


def eligible(
    pool: PoolSnapshot, now: float, slow_start_seconds: float = 60.0
) -> tuple[str, tuple[Candidate, ...]]:
    """The tier that serves, and its members as candidates."""
    tier, members = serving(pool)
    return tier, _candidates(pool, members, now, slow_start_seconds)


def _candidates(
    pool: PoolSnapshot, members: Sequence[MemberSnapshot], now: float, slow_start_seconds: float
) -> tuple[Candidate, ...]:
    heeded = pool.strategy in HEEDS_WEIGHT
    shares = {member.bot_id: member.weight if heeded else 1 for member in members}
    factors = _factors(members, shares, now, slow_start_seconds)
    return tuple(
        Candidate(member.bot_id, member.username, shares[member.bot_id], factors[member.bot_id])
        for member in members
    )


def _factors(
    members: Sequence[MemberSnapshot], shares: Mapping[int, int], now: float, slow_start_seconds: float
) -> dict[int, float]:
    """Each candidate's part of its share, by bot id. A suspect's trickle is a part of what its own tier would give it,
    and it is measured against the best of the others: their slow start must not make more of it."""
    suspects = [member for member in members if member.status is MemberStatus.SUSPECT]
    factors = {
        member.bot_id: _started(member, now, slow_start_seconds)
        for member in members
        if member.status is not MemberStatus.SUSPECT
    }
    best, all_shares = max(factors.values(), default=1.0), sum(shares.values())
    for suspect in suspects:
        tier = sum(shares[member.bot_id] for member in members if member.priority == suspect.priority)
        factors[suspect.bot_id] = best * min(1.0, suspect.trickle * all_shares / tier)
    return factors


def _started(member: MemberSnapshot, now: float, slow_start_seconds: float) -> float:
    age = max(0.0, now - member.joined_at)
    if not member.slow_start or age >= slow_start_seconds:
        return 1.0
    return SLOW_START_FLOOR + (1 - SLOW_START_FLOOR) * age / slow_start_seconds


def prepare(pool: PoolSnapshot, now: float, slow_start_seconds: float = 60.0) -> Prepared:
    """What the clicks of a pool share: for good while nobody starts slowly, else for a second."""
    tier, candidates = eligible(pool, now, slow_start_seconds)
    rule = "sticky" if pool.sticky else str(pool.strategy)
    rotates = bool(candidates) and not pool.sticky and pool.strategy in ROTATES
    starting = any(one.factor < 1 for one in candidates)
    return Prepared(
        pool=pool,
        candidates=candidates,
        tier=tier,
        reason=f"{rule}/{tier}" if tier else "",
        listed=rotation_of(candidates) if candidates else "",
        rotates=rotates,
        usernames={one.bot_id: one.username for one in candidates},
        valid_until=now + 1 if starting else NEVER,
    )


def choose(prepared: Prepared, *, visitor: str, balance: Balance, chance: float) -> Candidate:
    """The bot for one click where no shared position is needed; there must be a candidate (else: fallback)."""
    candidates = prepared.candidates
    if len(candidates) == 1:
        return candidates[0]
    if prepared.pool.sticky:
        return rendezvous(candidates, visitor)
    if prepared.pool.strategy is Strategy.LEAST_CONNECTIONS:
        return least_loaded(candidates, balance)
    return at_random(candidates, chance)
