"""Reading streams, with answers in one plain form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis import Redis

Fields = dict[str, str]


def read(
    redis: Redis, cursors: Mapping[str, str], *, count: int, block_seconds: float | None = None
) -> dict[str, list[tuple[str, Fields]]]:
    """Entries after the cursor of each stream, at most `count` of each; waits up to `block_seconds` for the first.

    A client for blocking reads is needed for waiting. Streams with nothing new are left out.
    """
    block = None if block_seconds is None else max(1, int(block_seconds * 1000))
    wanted: Any = dict(cursors)
    answer: Any = redis.xread(wanted, count=count, block=block)
    pairs = answer.items() if isinstance(answer, dict) else answer or ()
    return {str(stream): list(entries) for stream, entries in pairs}


def last_id(redis: Redis, stream: str) -> str:
    """Where a stream ends now; "0" when it is empty or not there."""
    newest: Any = redis.xrevrange(stream, count=1)
    return str(newest[0][0]) if newest else "0"
