"""The installation's own condition in a few words: which processes beat, how old the last sweep is, what waits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from redis import RedisError

from services.fleet.health.sweep import last_sweep_age
from services.fleet.workers.copies import CopiesState, all_copies
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.heartbeats import processes


@dataclass(frozen=True)
class Condition:
    """`redis` is False when Redis does not answer; then nothing else is known. `running` counts the living processes
    by service, `programs` bots whose own program is started here by the state of its copies; `sweep_age` and `waiting` (updates
    in all lanes) are None when unknown."""

    redis: bool
    running: dict[str, int]
    sweep_age: float | None = None
    waiting: int | None = None
    programs: Counter[CopiesState] = field(default_factory=Counter)


def condition(platform: Platform) -> Condition:
    """The condition now; never raises for an absent Redis."""
    try:
        running: dict[str, int] = {}
        for process in processes(platform):
            running[process.service] = running.get(process.service, 0) + process.is_alive
        programs = Counter(copies.state for copies in all_copies(platform.redis).values())
        return Condition(True, running, last_sweep_age(platform), _waiting(platform), programs)
    except RedisError:
        return Condition(False, {})


def _waiting(platform: Platform) -> int:
    with platform.redis.pipeline(transaction=False) as pipe:
        for lane in range(platform.settings.update_lanes):
            pipe.xlen(keys.update_lane(lane))
        return sum(int(length) for length in pipe.execute())
