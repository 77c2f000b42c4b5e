"""What Redis holds of a person: conversations, counts of limits, notices, and messages that wait to be sent to them.

Updates of theirs that wait in lanes are handled within seconds, as those of anybody who writes to a bot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from redis import Redis, RedisError

from services.core.errors import Unavailable
from services.operations.personal_data.traces import bots_of
from services.platform.platform import Platform
from services.platform.redis import keys, streams, upkeep_keys
from services.platform.redis.jobs import JobName, enqueue
from services.platform.redis.trouble import AWAY

SCAN_COUNT: Final = 1000
READ_AT_ONCE: Final = 1000
TICK_SECONDS: Final = 60
LEASE: Final = "forget"


@contextmanager
def forgetting(platform: Platform, account_id: int, telegram_id: int) -> Iterator[None]:
    """Erase somebody's rows inside: what Redis holds of them goes afterwards, also when this process dies before the end.

    Raises RedisError: before, or when the rows are gone; then it is done within a minute.
    """
    early = _note(platform, account_id, telegram_id)
    try:
        yield
    except Unavailable:  # the rows may be gone, and the answer lost
        raise
    except Exception:  # what ends a process, or a request, may have come when they were gone
        with suppress(RedisError):
            platform.redis.xdel(upkeep_keys.to_forget(), early)
        raise
    forget_soon(platform, account_id, telegram_id)  # the first may have been done before the rows were gone
    with suppress(RedisError):  # then it is done twice
        platform.redis.xdel(upkeep_keys.to_forget(), early)


def forget_soon(platform: Platform, account_id: int, telegram_id: int) -> None:
    """Have a worker remove it; when that one dies over it, another. Raises RedisError."""
    _note(platform, account_id, telegram_id)
    enqueue(platform.job_redis, JobName.FORGET_PEOPLE)


def wake_if_forgetting(platform: Platform) -> None:
    """Ring for people who are still to be forgotten. Raises RedisError."""
    if platform.redis.xlen(upkeep_keys.to_forget()):
        enqueue(platform.job_redis, JobName.FORGET_PEOPLE)


def forget_people(platform: Platform) -> None:
    """Remove it for whoever has waited for longest and ring for the next; nothing while another process does. May be repeated.

    Whoever it fails for waits once more, behind the others. Raises Unavailable, RedisError.
    """
    held = platform.leases.take(LEASE)
    if held is None:
        return
    try:
        _forget_first(platform)
    finally:
        held.release()
    wake_if_forgetting(platform)


def _forget_first(platform: Platform) -> None:
    stream = upkeep_keys.to_forget()
    for entry, fields in streams.read(platform.redis, {stream: "0"}, count=1).get(stream, ()):
        try:
            forget_person(platform, int(fields["account"]), int(fields["person"]))
        except (Unavailable, *AWAY):
            raise
        except Exception:
            behind: dict[Any, Any] = {**fields}
            platform.redis.xadd(stream, behind)
            platform.redis.xdel(stream, entry)
            raise
        platform.redis.xdel(stream, entry)


def _note(platform: Platform, account_id: int, telegram_id: int) -> str:
    return str(platform.redis.xadd(upkeep_keys.to_forget(), {"account": account_id, "person": telegram_id}))


def forget_person(platform: Platform, account_id: int, telegram_id: int) -> int:
    """Remove it for all bots of the account; how many keys and messages. May be repeated. Raises Unavailable, RedisError.

    What a sender holds at this moment still goes out.
    """
    with platform.database.reading() as session:
        bots = bots_of(session, account_id)
    redis, person = platform.redis, str(telegram_id)
    removed = sum(_drop_messages(redis, bot_id, person) for bot_id in bots)
    for bot_id in bots:
        removed += int(redis.zrem(keys.active_chats(bot_id), person))
    found = list(_keys_about(redis, set(bots), person))
    return removed + (int(redis.unlink(*found)) if found else 0)


def _drop_messages(redis: Redis, bot_id: int, chat: str) -> int:
    dropped = 0
    for priority in keys.OUTBOX_PRIORITIES:
        name, cursor = keys.outbox(bot_id, priority), "0"
        while entries := streams.read(redis, {name: cursor}, count=READ_AT_ONCE).get(name):
            theirs = [entry for entry, fields in entries if fields.get("chat") == chat]
            dropped += int(redis.xdel(name, *theirs)) if theirs else 0
            cursor = entries[-1][0]
    return dropped


def _keys_about(redis: Redis, bots: set[int], person: str) -> Iterable[str]:
    """One pass over the keys: which buttons, groups and actions there are of somebody, no key tells."""
    for key in redis.scan_iter(match=upkeep_keys.about_person(person), count=SCAN_COUNT):
        parts = str(key).split(":")
        if parts[2].isdecimal() and int(parts[2]) in bots and person in parts[4:]:
            yield str(key)
