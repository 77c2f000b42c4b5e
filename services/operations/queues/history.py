"""The last day of the queues, two samples a minute: small entries of a capped stream, some 200 KB in all."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.queueing.backlog import Backlog, backlogs

SAMPLE_SECONDS = 30  # so that each minute has one though the clock's beat wanders
KEPT_SAMPLES = 24 * 3600 // SAMPLE_SECONDS
KEPT_SECONDS = 2 * 86_400  # an installation that was off for two days has no last day
Span = Literal["3h", "24h"]
STEPS: dict[Span, tuple[int, int]] = {"3h": (180, 60), "24h": (144, 600)}  # how many, and of how many seconds
SERIES = ("updates", "updates_lag", "messages", "messages_lag", "jobs", "clicks")


class QueueHistory(TypedDict):
    """For each step up to now its beginning (epoch seconds) and the most that waited in it; lags in whole seconds.

    Null where no clock took a sample: nothing is known of that time.
    """

    step_seconds: int
    times: list[int]
    updates: list[int | None]
    updates_lag: list[int | None]
    messages: list[int | None]
    messages_lag: list[int | None]
    jobs: list[int | None]
    clicks: list[int | None]


def take_sample(platform: Platform) -> None:
    """Keep what waits now; three round trips. Raises RedisError."""
    name = upkeep_keys.queue_history()
    sample: Any = sample_of(backlogs(platform))
    with platform.redis.pipeline(transaction=True) as pipe:
        pipe.xadd(name, sample, maxlen=KEPT_SAMPLES, approximate=True)
        pipe.expire(name, KEPT_SECONDS)
        pipe.execute()


def sample_of(found: list[Backlog]) -> dict[str, int]:
    """What is kept of the backlogs: sizes added up, of lags the longest."""
    lanes = [each for each in found if each.queue.startswith("lane:")]
    jobs = [each for each in found if each.queue.startswith("rq:")]
    others = {each.queue: each for each in found}
    return {
        "updates": sum(each.size for each in lanes),
        "updates_lag": round(max((each.lag_seconds or 0 for each in lanes), default=0)),
        "messages": others["outbox"].size,
        "messages_lag": round(others["outbox"].lag_seconds or 0),
        "jobs": sum(each.size for each in jobs),
        "clicks": others["clicks"].size,
    }


def read_history(platform: Platform, span: Span) -> QueueHistory:
    """The samples of a span. Raises RedisError."""
    count, step = STEPS[span]
    seconds: Any = platform.redis.time()
    last = int(seconds[0]) // step
    since = (last - count + 1) * step
    entries: Any = platform.redis.xrange(upkeep_keys.queue_history(), min=f"{since * 1000}-0")
    samples = [(int(str(name).partition("-")[0]) // 1000, fields) for name, fields in entries]
    return by_step(samples, since, count, step)


def by_step(samples: list[tuple[int, dict[str, str]]], since: int, count: int, step: int) -> QueueHistory:
    """Samples (epoch seconds, fields) as `count` steps from `since`, each with the most of its samples."""
    times = [since + at * step for at in range(count)]
    series: dict[str, list[int | None]] = {name: [None] * count for name in SERIES}
    for at, fields in samples:
        place = (at - since) // step
        for name in SERIES:
            if 0 <= place < count and name in fields:
                series[name][place] = max(series[name][place] or 0, int(fields[name]))
    made: Any = {"step_seconds": step, "times": times, **series}
    history: QueueHistory = made
    return history
