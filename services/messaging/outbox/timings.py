"""How long the consumers of outboxes wait for what; tests give shorter times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OutboxTimings:
    """All in seconds."""

    idle_timeout: float = (
        5.0  # an idle consumer waits so long for more: cheaper than a job per message at low rates
    )
    read_timeout: float = 2.5  # how soon a waiting reader sees a stop
    max_stay: float = (
        600.0  # then the job ends when nothing of it runs, and rings again, long before RQ's limit for it
    )
    shutdown_timeout: float = 12.0  # how long sends under way may go on after a stop
    backoff: tuple[float, float] = (
        1.0,
        60.0,
    )  # before a failed send is repeated, doubled from one to the other
    bulk_look: float = (
        6.0  # how soon an end of the switch bulk_pause before its time is noticed; longer than idle_timeout
    )
    database_pause: float = 2.0  # while the database or Redis is away
    token_pause: float = 30.0  # between tries with a token that was refused; health probes it as well


DEFAULT_TIMINGS = OutboxTimings()
