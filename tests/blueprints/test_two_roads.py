"""The two roads to `/go`, before Flask and through its view with Flask-Limiter: they count and answer alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any

import pytest
from redis import Redis, RedisError
from werkzeug.test import TestResponse

from app import create_app
from blueprints.redirects import redirector
from services.core.metrics import RATE_LIMIT_HITS
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.blueprints.visiting import CRAWLER, PERSON, stream
from tests.services.fleet.pools.fleet import new_account, new_pool

NOW = 1_800_000_010.0  # ten seconds into a minute
MINUTE_ENDS = "1800000060"
TOKENS = re.compile(r"_[0-9A-Za-z]{12}$|flv=\w+")
PERSON_ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


class Road:
    """One way to `/go`, in a web process of its own."""

    def __init__(self, platform: Platform, *, fast_path: bool) -> None:
        settings = platform.settings.model_copy(update={"fast_path": fast_path})
        app = create_app(Platform(settings))
        with app.app_context():
            self.redirector = redirector()
        self._client = app.test_client(use_cookies=False)

    def __call__(
        self,
        path: str,
        method: str = "GET",
        agent: str = PERSON,
        headers: Mapping[str, str] = {},
        **given: Any,
    ) -> TestResponse:
        """Visit `/go/<path>`."""
        return self._client.open(
            f"/go/{path}", method=method, headers={"User-Agent": agent, **headers}, **given
        )


@pytest.fixture
def roads(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Road, Road]]:
    """The fast path and the plain view, each in a web process of its own, at a moment that stands still."""
    monkeypatch.setattr("services.traffic.clicks.record.PROBE_SECONDS", 60)
    made = Road(platform, fast_path=True), Road(platform, fast_path=False)
    account = new_account(platform)
    new_pool(platform, account, "strict", 2, rate_limit_per_minute=3)
    new_pool(platform, account, "lenient", 2, rate_limit_per_minute=3, over_limit="redirect")
    new_pool(platform, account, "endless", 2, rate_limit_per_minute=0)
    new_pool(platform, account, "empty", 0, rate_limit_per_minute=3)
    new_pool(platform, account, "away", 0, rate_limit_per_minute=3, fallback_url="https://example.org/")
    for road in made:
        road.redirector.start()
    monkeypatch.setattr("time.time", lambda: NOW)
    yield made
    for road in made:
        road.redirector.stop()


def visits() -> Iterator[tuple[str, dict[str, Any]]]:
    """Visits of every kind, on each side of each limit."""
    yield from [("strict", {})] * 5
    yield "strict", {"headers": {"Accept-Language": "en"}}
    yield "strict", {"headers": {"Accept": "application/json"}}
    yield "STRICT/", {}
    yield "strict", {"method": "HEAD"}
    yield from [("strict", {"agent": CRAWLER})] * 5
    yield "strict", {"headers": {"Sec-Purpose": "prefetch"}}
    yield from [("strict", {"environ_overrides": PERSON_ELSEWHERE})] * 2
    for host in range(1, 6):
        yield "strict", {"environ_overrides": {"REMOTE_ADDR": f"2001:db8:1:2::{host}"}}
    yield "strict", {"headers": {"Cookie": "flv=knownVisitor12"}, "environ_overrides": PERSON_ELSEWHERE}
    yield from [("lenient", {})] * 5
    yield from [("endless", {})] * 5
    yield from [("empty", {})] * 5
    yield from [("away", {})] * 5
    yield "strict?dry_run=1", {"environ_overrides": {"REMOTE_ADDR": "203.0.113.77"}}
    yield "nowhere", {}


def told(answer: TestResponse) -> tuple[int, list[tuple[str, str]], str]:
    """All that an answer says, but for ids drawn at random."""
    headers = sorted((name, TOKENS.sub("~", value)) for name, value in answer.headers)
    return answer.status_code, headers, TOKENS.sub("~", answer.text)


def counted(platform: Platform) -> dict[str, Any]:
    """What the visits left in Redis: counts by name with their lives, clicks and their bots."""
    names = [name for name in platform.redis.keys("*") if ":rate:" in name or ":limit:" in name]
    clicks = [(one["pool"], one["audience"], one["over"]) for one in stream(platform)]
    counts = {name: (platform.redis.get(name), platform.redis.ttl(name) > 60) for name in sorted(names)}
    return {"counts": counts, "clicks": clicks}


def forget(platform: Platform) -> None:
    """Redis as before the first visit."""
    names = [name for name in platform.redis.keys("*") if ":rate:" in name or ":rotation" in name]
    platform.redis.delete(keys.click_stream(), *names)


def limit_headers(answer: TestResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith(("X-RateLimit", "Retry"))}


def hits() -> float:
    return float(RATE_LIMIT_HITS.labels("redirect")._value.get())


def test_both_roads_answer_and_count_the_same_visits_alike(
    platform: Platform, roads: tuple[Road, Road]
) -> None:
    seen = []
    for road in roads:
        forget(platform)
        before = hits()
        answers = [told(road(path, **given)) for path, given in visits()]
        seen.append((answers, counted(platform), hits() - before))
    fast, plain = seen
    for visit, one, other in zip(visits(), fast[0], plain[0], strict=True):
        assert one == other, visit
    assert fast[1:] == plain[1:]
    statuses = [status for status, _, _ in fast[0]]
    assert statuses[:9] == [302, 302, 302, 429, 429, 429, 429, 429, 302]
    assert (statuses.count(429), statuses.count(503), statuses.count(404)) == (5 + 2 + 2 + 2, 3, 1)
    assert (
        len(fast[1]["counts"]) == 8
    )  # four people's and the machines' in one pool, one each in three others
    assert not any(":limit:" in name for name in fast[1]["counts"])


def test_a_client_that_changes_roads_is_counted_once(platform: Platform, roads: tuple[Road, Road]) -> None:
    answers = [road("strict") for road in islice(cycle(roads), 6)]
    assert [answer.status_code for answer in answers] == [302] * 3 + [429] * 3
    assert [limit_headers(answer) for answer in answers] == [
        {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": left, "X-RateLimit-Reset": MINUTE_ENDS}
        | ({"Retry-After": "50"} if number > 2 else {})
        for number, left in enumerate("210000")
    ]
    assert len(stream(platform)) == 3


def test_a_click_costs_one_round_trip_on_either_road(platform: Platform, roads: tuple[Road, Road]) -> None:
    def used() -> dict[str, int]:
        stats: Any = platform.redis.info("commandstats")
        names = ("evalsha", "multi", "pttl", "get")
        return {name: stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in names}

    for road in roads:
        road("endless")  # the script is known now
        before = used()
        for _ in range(5):
            road("strict")
        assert {name: count - before[name] for name, count in used().items()} == {
            "evalsha": 5,
            "multi": 0,
            "pttl": 0,
            "get": 0,
        }


def test_without_redis_both_roads_count_in_their_process_and_refuse_alike(
    platform: Platform, roads: tuple[Road, Road], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise RedisError("away")

    monkeypatch.setattr(Redis, "evalsha", away)
    fast, plain = ([told(road("strict")) for _ in range(5)] for road in roads)
    assert fast == plain
    assert [status for status, _, _ in fast] == [302, 302, 302, 429, 429]


def test_whom_the_spool_lets_in_over_the_limit_no_road_refuses(
    platform: Platform, roads: tuple[Road, Road], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that fails may have run: its clicks are let in, also those that this process has counted too many of."""

    def away(*_: Any, **__: Any) -> None:
        raise RedisError("away")

    monkeypatch.setattr(Redis, "evalsha", away)
    for road in roads:
        for _ in range(4):
            road("strict")
        road.redirector.recorder._away.clear()  # as the probe does, a moment too early
        answer = road("strict")
        assert (answer.status_code, limit_headers(answer)) == (302, {})
