"""Our own side: lanes of updates and shards of outboxes, how far they lag, and who is at them."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from services.messaging.updates.crash_tracker import suspects_among
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.leases import is_orphaned
from services.queueing.backlog import backlogs

LEAST_LAG_SECONDS = (
    10.0  # a look for unattended lanes is made every second: this long without a holder is stuck
)


class LaneView(TypedDict):
    """A lane (updates) or a shard of outboxes (messages).

    `holder` is the process that works on it, by its identity, empty for none; `held_for` are the seconds for which its
    lease still stands. `apart` counts updates that are tried alone because a process died with them. `is_stuck`: something
    waits, and nobody is at it. A shard's `waiting` are bots, a lane's are updates; `lag_seconds` is null for a shard.
    """

    kind: str
    number: int
    waiting: int
    lag_seconds: float | None
    holder: str
    held_for: float
    is_alive: bool
    apart: int
    is_stuck: bool


def read_lanes(platform: Platform, now: float) -> list[LaneView]:
    """All lanes, then all shards; three round trips. `now` in epoch seconds. Raises RedisError."""
    known = {each.queue: each for each in backlogs(platform)}
    numbers = range(platform.settings.update_lanes)
    with platform.redis.pipeline(transaction=False) as pipe:
        for number in numbers:
            for name in (f"lane:{number}", f"outbox:{number}"):
                pipe.get(keys.lease(name))
                pipe.pttl(keys.lease(name))
            pipe.hkeys(keys.update_suspects(number))
            pipe.zcard(keys.outbox_active(number))
            pipe.zcount(keys.outbox_active(number), "-inf", int((now - LEAST_LAG_SECONDS) * 1000))
        answers = pipe.execute()
    rows = [answers[at : at + 7] for at in range(0, len(answers), 7)]
    lanes = [_lane(number, row, known[f"lane:{number}"]) for number, row in zip(numbers, rows, strict=True)]
    return [*lanes, *(_shard(number, row) for number, row in zip(numbers, rows, strict=True))]


def _lane(number: int, row: list[Any], backlog: Any) -> LaneView:
    lag = backlog.lag_seconds or 0.0
    is_alive = _is_alive(row[0])
    return {
        "kind": "lane",
        "number": number,
        "waiting": backlog.size,
        "lag_seconds": round(lag, 1),
        "holder": _holder(row[0]),
        "held_for": _seconds(row[1]),
        "is_alive": is_alive,
        "apart": len(suspects_among(row[4])),
        "is_stuck": bool(backlog.size) and lag > LEAST_LAG_SECONDS and not is_alive,
    }


def _shard(number: int, row: list[Any]) -> LaneView:
    is_alive = _is_alive(row[2])
    return {
        "kind": "outbox",
        "number": number,
        "waiting": int(row[5]),
        "lag_seconds": None,
        "holder": _holder(row[2]),
        "held_for": _seconds(row[3]),
        "is_alive": is_alive,
        "apart": 0,
        "is_stuck": int(row[6]) > 0 and not is_alive,
    }


def _holder(token: str | None) -> str:
    """The process in a lease's token; the rest of it is its fence and nobody's business."""
    return (token or "").partition(":")[0]


def _is_alive(token: str | None) -> bool:
    return token is not None and not is_orphaned(token)


def _seconds(milliseconds: int) -> float:
    return round(max(0, milliseconds) / 1000, 1)
