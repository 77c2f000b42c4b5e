"""What can be said of an update before its handler runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """Why a handler does not get an update."""

    WINDOW = "window"  # over the action's sliding window
    BUCKET = "bucket"  # over the user's token bucket
    COOLDOWN = "cooldown"
    LOCK = "lock"
    FORGED = "forged"  # not ours, changed, or made for another bot, chat or user
    EXPIRED = "expired"
    REPLAYED = "replayed"  # a single-use button that was used
    LOST = "lost"  # its payload is no longer kept
    BLOCKED = "blocked"
    NOT_ALLOWED = "not_allowed"  # the bot answers certain people only
    MAINTENANCE = "maintenance"


LIMITS: Final = frozenset((Refusal.WINDOW, Refusal.BUCKET))
KEPT_OUT: Final = frozenset((Refusal.BLOCKED, Refusal.NOT_ALLOWED, Refusal.MAINTENANCE))
INVALID: Final = frozenset((Refusal.FORGED, Refusal.EXPIRED, Refusal.REPLAYED, Refusal.LOST))


@dataclass(frozen=True)
class Verdict:
    """`refusal` None lets the update pass. `tell`: the person is told now, having not been told in this window.

    `wait_seconds` is how long the person had better wait. `action` and `payload` are those of a verified button; one that is
    `anonymous` is good only if an administrator of the group tapped it.
    """

    refusal: Refusal | None = None
    tell: bool = True
    wait_seconds: int = 0
    action: str | None = None
    payload: str = ""
    anonymous: bool = False
    once: str = ""  # signature of the single-use button that is used up by it


PASSED: Final = Verdict()
