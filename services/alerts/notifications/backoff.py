"""When a delivery that failed is tried again. Pure."""

from __future__ import annotations

MAX_ATTEMPTS = 8
FIRST_SECONDS = 30.0
LONGEST_SECONDS = 3600.0
FACTOR = 2.22  # 30 s grow to an hour over the seven waits between eight attempts; about two hours in all
JITTER = 0.2  # so that the messages of an outage do not come back in one wave


def wait_seconds(attempts: int, chance: float, retry_after: float | None = None) -> float | None:
    """Seconds from the failed attempt number `attempts` to the next one; None when there is none.

    `chance` (0 to 1) spreads the wait by a fifth to either side. The other side's `retry_after` is always respected.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    wait = min(LONGEST_SECONDS, FIRST_SECONDS * FACTOR ** (attempts - 1))
    spread = min(LONGEST_SECONDS, max(FIRST_SECONDS, wait * (1 + JITTER * (2 * chance - 1))))
    return max(spread, retry_after or 0.0)
