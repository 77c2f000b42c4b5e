"""The outage guard: when the network or Telegram fails, bots are not to blame."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.fleet.health.breaker import CheckOutcome, Health

FEWEST_FOR_A_MAJORITY = 3


def is_outage(outcomes: Iterable[CheckOutcome], host_answers: Callable[[], bool]) -> bool:
    """Whether the failures of one round are an outage, so that states must be held.

    With three bots or more, more than half failing transiently decides; below, an unauthenticated probe of the
    API's host, which is asked only when something failed transiently.
    """
    verdicts = [outcome.verdict for outcome in outcomes]
    failed = verdicts.count(Health.TRANSIENT)
    if not failed:
        return False
    if len(verdicts) >= FEWEST_FOR_A_MAJORITY:
        return failed * 2 > len(verdicts)
    return not host_answers()
