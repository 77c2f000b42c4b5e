"""What `/go` knows about a pool: immutable values, parsed from JSON once per change and never per click."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from models import MemberStatus, OverLimit, Strategy
from services.fleet.pools import routing
from services.fleet.pools.routing import Routing


@dataclass(frozen=True, slots=True)
class MemberSnapshot:
    """A member as the choice sees it. `joined_at` is when it (re)joined the rotation, in epoch seconds."""

    bot_id: int
    username: str
    status: MemberStatus
    weight: int = 1
    priority: int = 0
    is_enabled: bool = True
    draining: bool = False
    running: bool = True  # the owner wants the bot to run; a stopped bot answers nobody
    joined_at: float = 0.0
    slow_start: bool = False  # whether `joined_at` begins a slow start
    trickle: float = 0.02  # the part of its traffic that it keeps while suspect


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """A pool as the choice sees it. `version` orders the copies that racing publishers write."""

    id: int
    account_id: int
    slugs: tuple[str, ...]  # the present one first, then former ones
    members: tuple[MemberSnapshot, ...] = ()
    version: int = 0
    is_active: bool = True
    strategy: Strategy = Strategy.ROUND_ROBIN
    sticky: bool = False
    start_param: str = "acesso"
    tracking: bool = True
    rate_limit_per_minute: int = 100  # 0 = off
    over_limit: OverLimit = OverLimit.REJECT
    fallback_url: str | None = None
    fallback_pool_id: int | None = None
    routing: Routing | None = None  # None without a rule and a running experiment, as for most pools

    @property
    def slug(self) -> str:
        """The present slug."""
        return self.slugs[0]


def to_json(pool: PoolSnapshot) -> str:
    """The snapshot as one line of JSON. A pool without a routing is written as by releases that knew none."""
    fields = asdict(replace(pool, routing=None))
    del fields["routing"]
    if pool.routing is not None:
        fields["routing"] = routing.as_json(pool.routing)
    return json.dumps(fields, separators=(",", ":"))


def from_json(text: str) -> PoolSnapshot:
    """The snapshot in `text`; ValueError, KeyError or TypeError when it is none (another version wrote it)."""
    fields: dict[str, Any] = json.loads(text)
    members = tuple(_member(entry) for entry in fields.pop("members"))
    fields["slugs"] = tuple(fields["slugs"])
    fields["strategy"] = Strategy(fields["strategy"])
    fields["over_limit"] = OverLimit(fields["over_limit"])
    if "routing" in fields:
        fields["routing"] = routing.from_json(fields["routing"])
    return PoolSnapshot(members=members, **fields)


def _member(entry: dict[str, Any]) -> MemberSnapshot:
    return MemberSnapshot(**{**entry, "status": MemberStatus(entry["status"])})
