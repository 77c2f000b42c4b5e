"""How many copies of a bot's program there should be: a function of what waits, what was wanted, and the time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

LAG_PER_COPY: Final = 5  # W5


@dataclass(frozen=True)
class Terms:
    """What an owner and the installation say of scaling. Seconds are of waiting: before none is left, before there are fewer."""

    least: int
    most: int
    idle_seconds: float
    cooldown_seconds: float


@dataclass(frozen=True)
class Scale:
    """How many copies are wanted. `busy_at` is when something last waited; `fewer_since` from when on fewer would have done,
    of which `enough` is the most.
    """

    copies: int = 0
    busy_at: float = -math.inf
    fewer_since: float | None = None
    enough: int = 0


def rescaled(scale: Scale, terms: Terms, lag: int, now: float) -> Scale:
    """What is wanted at `now` (seconds, of any clock) with `lag` updates that are not answered, after `scale`.

    More at once, but at most twice as many as before in one step; fewer only after they were enough for a whole cool-down, and
    then as many as were needed in it; none after nothing has waited for the idle time.
    """
    busy_at = now if lag else scale.busy_at
    needed = min(max(math.ceil(lag / LAG_PER_COPY), terms.least), terms.most)
    copies = min(scale.copies, terms.most)
    if needed >= copies:
        return Scale(min(needed, max(1, 2 * copies)), busy_at)
    if needed == 0 and now - busy_at >= terms.idle_seconds:
        return Scale(0, busy_at)
    since = now if scale.fewer_since is None else scale.fewer_since
    enough = max(needed, scale.enough, 1)  # the last one has the idle time
    if now - since >= terms.cooldown_seconds:
        return Scale(min(copies, enough), busy_at)
    return Scale(copies, busy_at, since, enough)
