"""Priority tiers: which of a pool's members serve, and why the others do not. Pure functions over its snapshot.

A tier is all members of one priority. The highest with somebody online serves; when nobody is, degraded ones do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from models import MemberStatus
from services.fleet.pools.model import MemberSnapshot, PoolSnapshot

LAST_RESORT = "degraded"  # the name of the tier of degraded members
USERNAME = re.compile(r"[A-Za-z0-9_]{5,32}")  # Telegram's usernames


def serving(pool: PoolSnapshot) -> tuple[str, Sequence[MemberSnapshot]]:
    """The name of the tier that serves ("tier0", "degraded", "" without one) and its members.

    Suspects of that tier keep a trickle beside them, and those of a higher one too: without clicks none could be cleared.
    """
    open_members = [member for member in pool.members if is_open(member)]
    online = [member.priority for member in open_members if member.status is MemberStatus.ONLINE]
    if online:
        top = max(online)
        return f"tier{top}", [
            member
            for member in open_members
            if (member.status is MemberStatus.ONLINE and member.priority == top)
            or (member.status is MemberStatus.SUSPECT and member.priority >= top)
        ]
    last = _last_resort(pool)
    return LAST_RESORT if last else "", last


def is_open(member: MemberSnapshot) -> bool:
    """Whether the owner's switches let this member serve; its status is another question.

    Nor does a name serve that is none of Telegram's, whatever the database holds; the link must not lead elsewhere.
    """
    switched_on = member.is_enabled and member.running and not member.draining and member.weight > 0
    return switched_on and USERNAME.fullmatch(member.username) is not None


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
