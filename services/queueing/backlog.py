"""What waits in Redis, and since when: RQ's queues, lanes of updates, outboxes, clicks on their way to rows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobQueue


@dataclass(frozen=True)
class Backlog:
    """One queue: how many entries wait, and the age in seconds of the oldest; None where entries carry no time."""

    queue: str
    size: int
    lag_seconds: float | None = None


def backlogs(platform: Platform) -> list[Backlog]:
    """All queues of the installation, in two round trips. Raises RedisError."""
    lanes = {f"lane:{n}": keys.update_lane(n) for n in range(platform.settings.update_lanes)}
    streams = {**lanes, "clicks": keys.click_stream(), "intake:dead": keys.intake_dead()}
    with platform.redis.pipeline(transaction=False) as pipe:
        for queue in JobQueue:
            pipe.llen(f"rq:queue:{queue}")
        for stream in streams.values():
            pipe.xlen(stream)
            pipe.xrange(stream, count=1)
        for shard in range(platform.settings.update_lanes):
            pipe.zrange(keys.outbox_active(shard), 0, -1)
        answers = iter(pipe.execute())
    found = [Backlog(f"rq:{queue}", int(next(answers))) for queue in JobQueue]
    found += [Backlog(name, int(next(answers)), _age(next(answers))) for name in streams]
    bot_ids = [int(bot_id) for shard in answers for bot_id in shard]
    return [*found, _outboxes(platform, bot_ids)]


def _outboxes(platform: Platform, bot_ids: list[int]) -> Backlog:
    if not bot_ids:
        return Backlog("outbox", 0, 0.0)
    with platform.redis.pipeline(transaction=False) as pipe:
        for bot_id in bot_ids:
            for priority in keys.OUTBOX_PRIORITIES:
                pipe.xlen(keys.outbox(bot_id, priority))
                pipe.xrange(keys.outbox(bot_id, priority), count=1)
        answers = pipe.execute()
    ages = [_age(first) for first in answers[1::2]]
    return Backlog("outbox", sum(int(size) for size in answers[::2]), max(ages))


def _age(first: Any) -> float:
    """Age of a stream's first entry, whose id begins with its milliseconds; 0 for an empty stream."""
    if not first:
        return 0.0
    return max(0.0, time.time() - int(str(first[0][0]).partition("-")[0]) / 1000)
