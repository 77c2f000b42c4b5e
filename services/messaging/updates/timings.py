"""How long the consumers of lanes wait for what; tests give shorter times."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UpdateTimings:
    """All in seconds."""

    idle_timeout: float = (
        5.0  # an idle consumer waits so long for more: cheaper than a job per update at low rates
    )
    read_timeout: float = 2.5  # how soon a waiting reader sees a stop
    max_stay: float = (
        600.0  # then the job ends when nothing of it runs, and rings again, long before RQ's limit for it
    )
    shutdown_timeout: float = 10.0  # how long running handlers may go on after a stop
    look_behind: float = 5.0  # between two looks how far bots are behind in a lane
    slow_handler: float = (
        1.0  # a handler at work for so long counts for no bound: it delays its own chat only
    )
    retry_delays: tuple[float, ...] = (2.0, 4.0, 8.0)  # before each repetition of a failed update
    backoff: tuple[float, float] = (
        0.2,
        3.0,
    )  # while the database or Redis is away, doubled from one to the other
    isolation: float = 5.0  # suspects go on as usual after it: recovery must not take longer than the crash
    trial_calm: float = (
        2.0  # so long a process must have had a lane before it tries what two died of: docs/chaos.md
    )
    plugin_repeat: float = 1.0  # a handler whose values changed is run again at once for so long


DEFAULT_TIMINGS = UpdateTimings()
