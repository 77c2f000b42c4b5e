"""KEDA's user of a real Valkey: what it needs is there, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from services.operations.programs.kubernetes.keda_access import keda_login, let_keda_in, make_queues
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.work_queue import WorkQueue

BOT = "bot_0123456789ab"
STREAM, GROUP = work_keys.incoming(BOT), work_keys.group(BOT)
REFUSED = (
    ("XRANGE", STREAM, "-", "+"),
    ("XREADGROUP", "GROUP", GROUP, "me", "STREAMS", STREAM, ">"),
    ("XACK", STREAM, GROUP, "1-1"),
    ("XADD", STREAM, "*", "a", "b"),
    ("XINFO", "STREAM", STREAM),
    ("XLEN", work_keys.outgoing(BOT)),
    ("XLEN", "flotilla:work:wake"),
    ("GET", STREAM),
    ("KEYS", "*"),
    ("DEL", STREAM),
    ("CONFIG", "GET", "*"),
    ("ACL", "WHOAMI"),
    ("CLIENT", "LIST"),
    ("EVAL", "return 1", "0"),
)


@pytest.fixture
def keda(platform: Platform) -> Iterator[Redis]:
    """Redis as KEDA sees it."""
    login = keda_login(platform.vault)
    assert not let_keda_in(platform.redis, login)
    make_queues(platform.redis, [BOT, BOT])
    known: dict[str, Any] = platform.redis.connection_pool.connection_kwargs
    values: dict[str, Any] = {**{name: known[name] for name in ("host", "port", "db")}, **login}
    with Redis(**values, decode_responses=True) as client:
        yield client
    platform.redis.acl_deluser(login["username"])


def test_keda_counts_what_waits_and_can_do_nothing_else(platform: Platform, keda: Redis) -> None:
    assert keda.ping()
    assert int(keda.info()["redis_version"].split(".")[0]) >= 7, "what its scaler asks for first"
    assert keda.xpending(STREAM, GROUP)["pending"] == 0
    for command in REFUSED:
        with pytest.raises(ResponseError, match=r"(?i)no permission"):
            keda.execute_command(*command)  # type: ignore[no-untyped-call]
    assert not let_keda_in(platform.redis, keda_login(platform.vault)), "again is no error"
    assert keda.ping()


def test_the_length_tells_what_waits_also_where_redis_cannot_tell_the_lag(
    platform: Platform, keda: Redis
) -> None:
    """Why there is a third trigger: an update that is out for long hides the lag behind those that were settled after it."""

    def lag() -> Any:
        return keda.xinfo_groups(STREAM)[0]["lag"]

    def offer(number: int) -> None:
        fields: Any = {
            "update": "{}",
            "number": number,
            "chat": number,
            "request": "",
            "start": "",
            "attempt": 0,
        }
        platform.redis.xadd(STREAM, fields)

    queue = WorkQueue(platform.redis, 7, BOT)
    for number in range(8):
        offer(number)
    assert (lag(), keda.xlen(STREAM)) == (8, 8)
    slow, quick = queue.take("http", 2, 60.0)[0]
    assert lag() == 6
    assert queue.settle(quick, [], 0) is not None
    assert lag() is None
    assert (keda.xpending(STREAM, GROUP)["pending"], keda.xlen(STREAM)) == (1, 7)
    rest = queue.take("http", 9, 60.0)[0]
    assert all(queue.settle(work, [], 0) is not None for work in (slow, *rest))
    assert (lag(), keda.xlen(STREAM)) == (0, 0), "nothing waits: it may sleep"
    offer(9)
    assert (lag(), keda.xlen(STREAM)) == (1, 1), "the first one wakes it"
