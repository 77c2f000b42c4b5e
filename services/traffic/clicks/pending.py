"""A click on its way into the record, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PendingClick:
    """A click about to be written. `entry` is its JSON; `bot_id` is 0 while the rotation decides, or for nobody."""

    id: str
    entry: str
    slug: str
    reason: str
    audience: str
    at: float
    pool_id: int
    client: str
    limit: int  # requests per minute of this client; 0 = off
    reject: (
        bool  # whether above it nothing is written: people are refused then, machines answered all the same
    )
    rotation: str  # as of `strategies.rotation_of`; "" when `bot_id` is settled
    rotation_pool_id: int
    steps: bool  # whether it takes its turn, as people do; others see whose turn it is
    counts_load: bool
    bot_id: int


@dataclass(frozen=True, slots=True)
class RecordResult:
    """What became of a click: the bot it goes to (0 = none), or refused over the limit.

    `count` is how many requests its client made this minute, this one included; 0 when they are not counted.
    """

    bot_id: int
    count: int = 0
    rejected: bool = False
