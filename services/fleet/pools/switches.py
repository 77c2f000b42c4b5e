"""A member's switches, now and at a moment of the past, and the word that they and its status come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import AuditEvent, MemberStatus, PoolBot

UPDATED: Final = "member_updated"  # the audit's word for a change of a member


class State(StrEnum):
    """A member in one word: what its switches say, else its status."""

    DISABLED = "disabled"
    DRAINING = "draining"
    CHECKING = MemberStatus.CHECKING
    ONLINE = MemberStatus.ONLINE
    DEGRADED = MemberStatus.DEGRADED
    SUSPECT = MemberStatus.SUSPECT
    OFFLINE = MemberStatus.OFFLINE
    BANNED = MemberStatus.BANNED


class Switched(Protocol):
    """What has a member's switches: a row, or the copy of it that clicks are decided by."""

    @property
    def is_enabled(self) -> bool: ...
    @property
    def draining(self) -> bool: ...
    @property
    def weight(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Switches:
    """What the owner lets a member do."""

    is_enabled: bool
    draining: bool
    weight: int


def switches_of(member: Switched) -> Switches:
    """A member's switches as they are."""
    return Switches(member.is_enabled, member.draining, member.weight)


def switched_state(status: str, switches: Switches) -> str:
    """A member's status in one word, its switches first: they explain why it gets no traffic.

    A banned bot shows as banned: no switch matters to it any more.
    """
    if status == MemberStatus.BANNED:
        return str(status)
    if not switches.is_enabled:
        return str(State.DISABLED)
    return str(State.DRAINING) if switches.draining or switches.weight == 0 else str(status)


def changed_switches(before: Switches, after: Switches) -> dict[str, Any]:
    """What the audit keeps of a change, `{"before": …}` of the switches that it changed; {} when it changed none."""
    now = asdict(after)
    old = {name: value for name, value in asdict(before).items() if now[name] != value}
    return {"before": old} if old else {}


def switches_at(
    session: Session, pool_id: int, members: Sequence[PoolBot], at: datetime
) -> dict[int, Switches]:
    """The members' switches at `at`, by bot id: as they are now, with every change since taken back."""
    found = {member.bot_id: switches_of(member) for member in members}
    later = (
        select(AuditEvent.bot_id, AuditEvent.details)
        .where(AuditEvent.pool_id == pool_id, AuditEvent.kind == UPDATED, AuditEvent.at > at)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    )
    for bot_id, details in session.execute(later):
        if bot_id in found:
            found[bot_id] = _taken_back(found[bot_id], details.get("before", {}))
    return found


def _taken_back(switches: Switches, before: Mapping[str, Any]) -> Switches:
    known = {one.name for one in fields(Switches)}
    return replace(switches, **{name: value for name, value in before.items() if name in known})
