"""What the driver of bots' programs says of their copies, kept in Redis: how many run, how they ended, what they wrote (ADR 44).

Whatever starts programs writes here, and whoever shows a worker reads here. Everything raises RedisError.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from redis import Redis
from redis.client import Pipeline

from services.core.i18n import NO_TEXT, Text
from services.platform.redis import work_keys

MOST_EXITS: Final = 10
MOST_LINES: Final = 300
MOST_SAMPLES: Final = 300
KEPT_SECONDS: Final = 7 * 86_400
HISTORY_SECONDS: Final = 7_200


class CopiesState(StrEnum):
    """Whether copies run, none is wanted, or they are wanted and do not run."""

    RUNNING = "running"
    ASLEEP = "asleep"
    FAILED = "failed"


@dataclass(frozen=True)
class Copies:
    """The copies of one bot's program now; `reason` says what is wrong, also while some run."""

    current: int = 0
    state: CopiesState = CopiesState.ASLEEP
    reason: Text = NO_TEXT


@dataclass(frozen=True)
class Exit:
    """How a copy ended that nobody asked to: epoch seconds, how long it ran, and its last lines. `code` is None after a signal."""

    at: float
    seconds: float
    code: int | None
    signal: int | None
    reason: str  # a Text, as columns keep one
    output: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sample:
    """How many copies ran at a moment (epoch seconds), and how many updates waited."""

    at: float
    copies: int
    lag: int


def put_copies(pipe: Pipeline, bot_id: int, copies: Copies) -> None:
    """Replace what is said of a bot's copies, with the commands of `pipe`."""
    body = {"current": copies.current, "state": copies.state, "reason": copies.reason.for_column()}
    pipe.hset(work_keys.programs(), str(bot_id), json.dumps(body))


def copies_of(redis: Redis, bot_id: int) -> Copies | None:
    """What its driver says of a bot's copies; None when none has looked at it yet."""
    found = redis.hget(work_keys.programs(), str(bot_id))
    return None if found is None else _copies(str(found))


def copies_of_all(redis: Redis, bot_ids: Sequence[int]) -> dict[int, Copies]:
    """The same for many bots in one round trip; those that none has looked at are left out."""
    found = redis.hmget(work_keys.programs(), [str(bot_id) for bot_id in bot_ids])
    return {
        bot_id: _copies(str(body)) for bot_id, body in zip(bot_ids, found, strict=True) if body is not None
    }


def all_copies(redis: Redis) -> dict[int, Copies]:
    """What is said of every bot that has a program."""
    return {int(bot): _copies(str(body)) for bot, body in redis.hgetall(work_keys.programs()).items()}


def put_exit(pipe: Pipeline, bot_id: int, ended: Exit) -> None:
    """Remember how a copy ended."""
    key = work_keys.exits(bot_id)
    pipe.lpush(key, json.dumps(asdict(ended)))
    pipe.ltrim(key, 0, MOST_EXITS - 1)
    pipe.expire(key, KEPT_SECONDS)


def exits_of(redis: Redis, bot_id: int) -> list[Exit]:
    """The last ends of a bot's copies, newest first."""
    return [Exit(**json.loads(each)) for each in redis.lrange(work_keys.exits(bot_id), 0, -1)]


def put_output(pipe: Pipeline, bot_id: int, lines: Sequence[str]) -> None:
    """Remember the last lines that copies wrote; they must be fit to be shown."""
    key = work_keys.output(bot_id)
    for line in lines[-MOST_LINES:]:
        pipe.xadd(key, {"line": line}, maxlen=MOST_LINES, approximate=False)
    pipe.expire(key, KEPT_SECONDS)


def output_of(redis: Redis, bot_id: int, after: str = "-") -> list[tuple[str, float, str]]:
    """The last lines behind the one named `after`: name, epoch seconds, text; oldest first."""
    found: Any = redis.xrange(work_keys.output(bot_id), after if after == "-" else f"({after}", "+")
    return [(str(name), _seconds(name), str(fields["line"])) for name, fields in found]


def put_sample(pipe: Pipeline, bot_id: int, copies: int, lag: int) -> None:
    """Remember how many copies run now, and what waits."""
    key = work_keys.history(bot_id)
    pipe.xadd(key, {"copies": copies, "lag": lag}, maxlen=MOST_SAMPLES, approximate=False)
    pipe.expire(key, HISTORY_SECONDS)


def history_of(redis: Redis, bot_id: int, seconds: float = 3600.0) -> list[Sample]:
    """The samples of the last `seconds`, oldest first; none is taken while a bot sleeps."""
    since = int((time.time() - seconds) * 1000)
    found: Any = redis.xrange(work_keys.history(bot_id), str(since), "+")
    return [Sample(_seconds(name), int(each["copies"]), int(each["lag"])) for name, each in found]


def _copies(body: str) -> Copies:
    found = json.loads(body)
    return Copies(found["current"], CopiesState(found["state"]), Text.stored(found["reason"]))


def _seconds(name: Any) -> float:
    return int(str(name).partition("-")[0]) / 1000
