"""Which members of a pool stand by for a ban wave."""

from __future__ import annotations

from typing import Final

from models import MemberStatus, PoolBot

BACKUP: Final = -1  # the priority of a spare


def stands_by(member: PoolBot, *, running: bool) -> bool:
    """Whether a member is a spare that could step in now; `running`: its bot is not stopped."""
    is_fit = running and member.is_enabled and not member.draining
    return is_fit and member.priority == BACKUP and member.status == MemberStatus.ONLINE
