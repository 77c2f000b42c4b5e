"""`/go/<slug>` over HTTP, on a real Valkey, behind the whole application."""

from __future__ import annotations

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select, update

from app import create_app
from blueprints.redirects import REDIRECTOR
from models import Bot, PoolBot
from services.core.times import utc_now
from services.fleet.pools.fields import MemberChange
from services.fleet.pools.members import update_member
from services.fleet.pools.snapshot import publish
from services.fleet.pools.start_payload import split_payload
from services.platform.platform import Platform
from services.platform.redis import keys
from services.traffic.clicks.redirect import Redirector
from tests.blueprints.visiting import CRAWLER, PERSON, bots_of, go, stream
from tests.services.fleet.pools.fleet import new_account, new_pool


def test_a_click_is_sent_to_the_bot_with_a_payload_that_telegram_takes(
    platform: Platform, visitor: FlaskClient
) -> None:
    new_pool(platform, new_account(platform), "red1", 1, start_param="a" * 51)
    answer = visitor.get("/go/red1")
    assert answer.status_code == 302
    link = re.escape(platform.settings.telegram_link_url)
    found = re.fullmatch(link + r"/(\w+)\?start=([A-Za-z0-9_-]{64})", answer.headers["Location"])
    assert found, answer.headers["Location"]
    assert split_payload(found[2]) == ("a" * 51, stream(platform)[0]["id"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_without_tracking_the_payload_is_the_start_parameter_alone(
    platform: Platform, visitor: FlaskClient
) -> None:
    new_pool(platform, new_account(platform), "red1", 1, tracking=False)
    assert go(visitor, "red1")[0].endswith("?start=acesso")


def test_slugs_are_found_in_any_case(platform: Platform, visitor: FlaskClient) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    assert visitor.get("/go/Red1").status_code == 302


def test_round_robin_is_exact_over_concurrent_requests_of_two_processes(platform: Platform) -> None:

    new_pool(platform, new_account(platform), "red1", 6, rate_limit_per_minute=0)
    apps = [create_app(platform), create_app(Platform(platform.settings))]

    def click(number: int) -> str:
        client = apps[number % 2].test_client(use_cookies=False)
        return client.get("/go/red1", headers={"User-Agent": PERSON}).headers["Location"]

    with ThreadPoolExecutor(16) as threads:
        counts = bots_of(list(threads.map(click, range(300))))
    for made in apps:
        made.extensions[REDIRECTOR].stop()
    assert set(counts.values()) == {50}


@pytest.mark.parametrize("age", [0, 15, 30, 45])
def test_a_slow_start_gives_what_its_curve_says_at_that_moment(
    platform: Platform, visitor: FlaskClient, age: int
) -> None:
    """With weights 8, 3, 2: whatever the position stands at, and however long the clicks take."""
    owner, began = new_account(platform), utc_now() - timedelta(seconds=age)
    members: list[dict[str, Any]] = [{"weight": 8}, {"weight": 3}, {"weight": 2, "slow_start_at": began}]
    pool = new_pool(
        platform, owner, "red1", members, distribution_strategy="weighted", rate_limit_per_minute=0
    )
    platform.redis.set(keys.rotation(pool.id), 10 * age)
    clicks = 260  # 20 rounds, 40 turns of the slow one
    places = go(visitor, "red1", times=clicks)
    ended = (utc_now() - began).total_seconds()
    with platform.database.reading() as session:
        slow = session.scalars(
            select(Bot.username)
            .join(PoolBot, PoolBot.bot_id == Bot.id)
            .where(PoolBot.slow_start_at.is_not(None))
        ).one()
    least, most = (clicks * 2 / 13 * min(1.0, 0.1 + 0.9 * max(0.0, at) / 60) for at in (age - 1, ended))
    assert least - 4 <= bots_of(places)[slow] <= most + 4


def test_weights_are_kept_exactly_within_a_cycle(platform: Platform, visitor: FlaskClient) -> None:
    members = [{"weight": 5}, {"weight": 2}, {"weight": 1}, {"weight": 0}]
    new_pool(
        platform,
        new_account(platform),
        "red1",
        members,
        distribution_strategy="weighted",
        rate_limit_per_minute=0,
    )
    assert sorted(bots_of(go(visitor, "red1", 80)).values()) == [10, 20, 50]


def test_least_connections_shares_by_weight(platform: Platform, visitor: FlaskClient) -> None:
    members = [{"weight": 3}, {"weight": 1}]
    new_pool(
        platform,
        new_account(platform),
        "red1",
        members,
        distribution_strategy="least_connections",
        rate_limit_per_minute=0,
    )
    assert sorted(bots_of(go(visitor, "red1", 80)).values()) == [20, 60]


def test_a_sticky_visitor_stays_with_one_bot_and_moves_only_when_it_dies(
    platform: Platform, app: Flask, road: Redirector
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 5, sticky=True)
    client = app.test_client()
    headers = {"User-Agent": PERSON}
    first = bots_of(go(client, "red1", 10, headers=headers))
    assert len(first) == 1
    home = next(member for member in road.book.get("red1").members if member.username in first)  # type: ignore[union-attr]
    update_member(platform, owner, pool.id, home.bot_id, MemberChange(is_enabled=False))
    road.book.refresh()
    second = bots_of(go(client, "red1", 10, headers=headers))
    assert len(second) == 1
    assert second.keys().isdisjoint(first)
    update_member(platform, owner, pool.id, home.bot_id, MemberChange(is_enabled=True))
    with platform.database.transaction() as session:  # as when its slow start is over
        session.execute(update(PoolBot).values(slow_start_at=None))
    publish(platform, [pool.id])
    road.book.refresh()
    assert bots_of(go(client, "red1", 10, headers=headers)).keys() == first.keys()


def test_the_visitor_cookie_is_set_once_and_only_for_people(
    platform: Platform, app: Flask, road: Redirector
) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    client = app.test_client()
    cookie = client.get("/go/red1", headers={"User-Agent": PERSON}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Set-Cookie" not in client.get("/go/red1", headers={"User-Agent": PERSON}).headers
    other = app.test_client()
    assert "Set-Cookie" not in other.get("/go/red1", headers={"User-Agent": CRAWLER}).headers
    assert [bool(click["visitor"]) for click in stream(platform)] == [True, True, False]


@pytest.mark.parametrize(
    ("headers", "method", "audience"),
    [
        ({"User-Agent": CRAWLER}, "GET", "crawler"),
        ({"User-Agent": "WhatsApp/2.23.20.0 A"}, "GET", "preview"),
        ({"User-Agent": PERSON, "Sec-Purpose": "prefetch;prerender"}, "GET", "prefetch"),
        ({"User-Agent": PERSON, "X-Moz": "prefetch"}, "GET", "prefetch"),
        ({"User-Agent": PERSON}, "HEAD", "head"),
    ],
)
def test_programs_get_the_same_answer_but_take_no_turn_and_do_not_count(
    platform: Platform, visitor: FlaskClient, headers: dict[str, str], method: str, audience: str
) -> None:
    new_pool(platform, new_account(platform), "red1", 3, rate_limit_per_minute=10)
    people = []
    for _ in range(2):
        for _ in range(5):
            assert visitor.open("/go/red1", method=method, headers=headers).status_code == 302
        people += go(visitor, "red1")
    people += go(visitor, "red1")
    assert set(bots_of(people).values()) == {1}
    assert Counter(click["audience"] for click in stream(platform)) == {audience: 10, "human": 3}


def test_over_the_limit_a_client_is_refused_until_the_minute_ends(
    platform: Platform, visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.traffic.clicks.redirect.time.time", lambda: 1_800_000_010.0)
    new_pool(platform, new_account(platform), "red1", 2, rate_limit_per_minute=3)
    go(visitor, "red1", 3)
    refused = visitor.get("/go/red1")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "50"
    assert len(stream(platform)) == 3
    elsewhere = visitor.get("/go/red1", environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    assert elsewhere.status_code == 302
    monkeypatch.setattr("services.traffic.clicks.redirect.time.time", lambda: 1_800_000_070.0)
    assert visitor.get("/go/red1").status_code == 302


@pytest.mark.parametrize("strategy", ["round_robin", "random"])
@pytest.mark.parametrize("over_limit", ["reject", "redirect"])
def test_machines_above_the_limit_are_answered_and_not_stored_and_take_nothing_from_people(
    platform: Platform,
    visitor: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    strategy: str,
    over_limit: str,
) -> None:
    monkeypatch.setattr("services.traffic.clicks.redirect.time.time", lambda: 1_800_000_010.0)
    fields = {"over_limit": over_limit, "distribution_strategy": strategy, "rate_limit_per_minute": 3}
    new_pool(platform, new_account(platform), "red1", 2, **fields)
    crawler = [visitor.get("/go/red1", headers={"User-Agent": CRAWLER}) for _ in range(7)]
    assert {answer.status_code for answer in crawler} == {302}
    assert all(
        "t.me" in answer.headers["Location"] or "_bot" in answer.headers["Location"] for answer in crawler
    )
    assert visitor.head("/go/red1").status_code == 302
    assert len(stream(platform)) == 3
    assert len(go(visitor, "red1", 3)) == 3
    assert len(stream(platform)) == 6


def test_a_forged_forwarded_address_does_not_escape_the_limit(
    platform: Platform, visitor: FlaskClient
) -> None:
    new_pool(platform, new_account(platform), "red1", 2, rate_limit_per_minute=3)
    answers = [
        visitor.get("/go/red1", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(5)
    ]
    assert answers.count(429) >= 1


def test_behind_a_trusted_proxy_the_limit_counts_the_address_that_the_proxy_saw(platform: Platform) -> None:
    behind = Platform(platform.settings.model_copy(update={"trusted_proxies": 1}))
    new_pool(behind, new_account(behind), "red1", 2, rate_limit_per_minute=3)
    app = create_app(behind)
    client = app.test_client(use_cookies=False)

    def click(forwarded: str) -> int:
        return client.get(
            "/go/red1", headers={"User-Agent": PERSON, "X-Forwarded-For": forwarded, "CF-IPCountry": "BR"}
        ).status_code

    one_client = [click(f"198.51.100.{number}, 203.0.113.9") for number in range(8)]
    assert one_client.count(429) >= 2  # at most twice the limit, should a minute end meanwhile
    assert {click(f"203.0.113.9, 198.51.100.{number}") for number in range(8)} == {302}
    assert {one["country"] for one in stream(platform)} == {"BR"}
    app.extensions[REDIRECTOR].stop()
    behind.database.dispose()


def test_over_the_limit_a_pool_may_redirect_without_counting(
    platform: Platform, visitor: FlaskClient
) -> None:
    new_pool(platform, new_account(platform), "red1", 2, rate_limit_per_minute=3, over_limit="redirect")
    assert sum(bots_of(go(visitor, "red1", 10)).values()) == 10
    assert [click["over"] for click in stream(platform)].count("1") >= 4


def test_a_change_reaches_clicks_in_well_under_a_second(
    platform: Platform, visitor: FlaskClient, road: Redirector
) -> None:
    owner = new_account(platform)
    pool = new_pool(platform, owner, "red1", 2)
    go(visitor, "red1")
    time.sleep(0.3)  # the subscription stands
    dead = road.book.get("red1").members[0].bot_id  # type: ignore[union-attr]
    update_member(platform, owner, pool.id, dead, MemberChange(is_enabled=False))
    deadline = time.monotonic() + 1
    while road.book.get("red1").members[0].is_enabled and time.monotonic() < deadline:  # type: ignore[union-attr]
        time.sleep(0.005)
    assert len(bots_of(go(visitor, "red1", 4))) == 1


def test_a_click_costs_no_query(platform: Platform, visitor: FlaskClient) -> None:
    new_pool(platform, new_account(platform), "red1", 2)
    go(visitor, "red1")
    statements: list[str] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    go(visitor, "red1", 5)
    assert statements == []
