"""When a failed webhook delivery is tried again: Telegram's rule as arithmetic."""

from __future__ import annotations

import random

FIRST_WAIT = 2.0
CAP_FROM, CAP_TO = 60.0, 120.0
"""Retry at once, then 2, 4, 8 … s, capped at a random 60-120 s (Bot API server, WebhookActor)."""
LONGEST_RETRY_AFTER = 3600.0
"""Seconds of a Retry-After header that are honoured."""
GONE_PERIOD = 23 * 3600.0
"""An unbroken run of 410 answers this long deletes the webhook."""


def retry_delay(failures: int, cap: float, retry_after: float | None = None) -> float:
    """Seconds to wait after the given number of failures in a row (from 1)."""
    if retry_after is not None:
        return min(max(retry_after, 0.0), LONGEST_RETRY_AFTER)
    if failures <= 1:
        return 0.0
    return float(min(FIRST_WAIT * 2 ** min(failures - 2, 10), cap))


def random_cap(rng: random.Random) -> float:
    """The longest wait of one queue."""
    return rng.uniform(CAP_FROM, CAP_TO)
