"""The last hour of a bot's program, minute by minute, for a chart."""

from __future__ import annotations

import time
from collections.abc import Sequence

from typing_extensions import TypedDict

from services.fleet.workers.copies import Sample, history_of
from services.platform.platform import Platform

MINUTES = 60


class WorkerHistory(TypedDict):
    """For each of the last minutes, its beginning (epoch seconds), the most copies and the most updates that waited."""

    times: list[int]
    copies: list[int]
    lag: list[int]


def worker_history(platform: Platform, bot_id: int) -> WorkerHistory:
    """What is known of a bot's copies. Raises RedisError."""
    now = time.time()
    return by_minute(history_of(platform.redis, bot_id, MINUTES * 60.0), now)


def by_minute(samples: Sequence[Sample], now: float) -> WorkerHistory:
    """Samples as minutes up to `now`; one without a sample is one in which the bot slept."""
    last = int(now) // 60
    times = [minute * 60 for minute in range(last - MINUTES + 1, last + 1)]
    copies, lag = dict.fromkeys(times, 0), dict.fromkeys(times, 0)
    for sample in samples:
        at = int(sample.at) // 60 * 60
        if at in copies:
            copies[at], lag[at] = max(copies[at], sample.copies), max(lag[at], sample.lag)
    return {"times": times, "copies": list(copies.values()), "lag": list(lag.values())}
