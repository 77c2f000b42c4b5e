"""Who may be chosen, and who is: pure functions over a pool's snapshot.

`prepare` does once per change (or per second of a slow start) what all clicks share; `choose` is the rest.
"""

from __future__ import annotations

import re
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

SLOW_START_FLOOR = 0.1  # a bot that (re)joins begins with a tenth of its share
NEVER = float("inf")
LAST_RESORT = "degraded"  # the name of the tier of degraded members
HEEDS_WEIGHT = {Strategy.WEIGHTED, Strategy.LEAST_CONNECTIONS}
USERNAME = re.compile(r"[A-Za-z0-9_]{5,32}")  # Telegram's usernames
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
    """The tier that serves and its candidates: online members of the highest priority, else degraded ones.

    Suspects of that tier keep a trickle beside them, and those of a higher one too: without clicks none could be cleared.
    """
    open_members = [member for member in pool.members if is_open(member)]
    online = [member for member in open_members if member.status is MemberStatus.ONLINE]
    if online:
        top = max(member.priority for member in online)
        serving = [
            member
            for member in open_members
            if (member.status is MemberStatus.ONLINE and member.priority == top)
            or (member.status is MemberStatus.SUSPECT and member.priority >= top)
        ]
        return f"tier{top}", _candidates(pool, serving, now, slow_start_seconds)
    last = _last_resort(pool)
    return (LAST_RESORT, _candidates(pool, last, now, slow_start_seconds)) if last else ("", ())


def is_open(member: MemberSnapshot) -> bool:
    """Whether the owner's switches let this member serve; its status is another question.

    Nor does a name serve that is none of Telegram's, whatever the database holds; the link must not lead elsewhere.
    """
    switched_on = member.is_enabled and member.running and not member.draining and member.weight > 0
    return switched_on and USERNAME.fullmatch(member.username) is not None


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


def ineligibility(pool: PoolSnapshot, member: MemberSnapshot, tier: str) -> str:
    """Why a member does not serve while `tier` does, as a stable word; "" when it does."""
    switches = (
        ("disabled", not member.is_enabled),
        ("stopped", not member.running),
        ("draining", member.draining),
        ("weight_zero", member.weight == 0),
        ("username_invalid", USERNAME.fullmatch(member.username) is None),
    )
    for word, applies in switches:
        if applies:
            return word
    if member.status not in (MemberStatus.ONLINE, MemberStatus.SUSPECT, MemberStatus.DEGRADED):
        return str(member.status)
    if tier == LAST_RESORT:
        return "" if any(one is member for one in _last_resort(pool)) else "lower_tier"
    if member.status is MemberStatus.DEGRADED:
        return "degraded"
    if member.status is MemberStatus.SUSPECT and tier and member.priority >= int(tier.removeprefix("tier")):
        return ""
    return "" if f"tier{member.priority}" == tier else "lower_tier"


def _last_resort(pool: PoolSnapshot) -> list[MemberSnapshot]:
    """Degraded and suspect members of the highest priority among them: for when nobody is online."""
    spare = (MemberStatus.DEGRADED, MemberStatus.SUSPECT)
    rest = [member for member in pool.members if is_open(member) and member.status in spare]
    top = max((member.priority for member in rest), default=0)
    return [member for member in rest if member.priority == top]
