"""Who serves a public link: tiers, fallbacks, nobody, and how one may ask without clicking."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models import Click, MemberStatus
from services.core.times import utc_now
from services.fleet.pools.fields import MemberChange
from services.fleet.pools.members import update_member
from services.fleet.pools.snapshot import publish
from services.platform.platform import Platform
from services.traffic.clicks.flush import flush
from services.traffic.clicks.redirect import Redirector
from tests.blueprints.people import caller_of, make_account, make_key, sign_in
from tests.blueprints.visiting import PERSON, bots_of, go, stream
from tests.services.fleet.pools.fleet import new_account, new_pool


def test_an_unknown_slug_is_a_404_page_in_the_readers_language(
    visitor: FlaskClient, platform: Platform
) -> None:
    answer = visitor.get("/go/nowhere", headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert answer.status_code == 404
    assert "Link not found" in answer.text
    assert "Link não encontrado" in visitor.get("/go/nowhere").text


def test_a_slash_behind_the_link_changes_nothing(platform: Platform, visitor: FlaskClient) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    new_pool(platform, new_account(platform), "empty", 0)
    assert bots_of(go(visitor, "red1/")) == bots_of(go(visitor, "red1"))
    assert visitor.get("/go/empty/").status_code == 503
    assert visitor.get("/go/empty/?dry_run=1").status_code == 503
    assert visitor.get("/go/red1/more").status_code == 404
    assert len(stream(platform)) == 4


def test_a_query_of_8_000_bytes_is_a_click_like_any(platform: Platform, visitor: FlaskClient) -> None:
    new_pool(platform, new_account(platform), "red1", 1)
    [location] = go(visitor, "red1?utm_source=fb&fbclid=" + "x" * 8000)
    assert len(location) < 200
    assert len(str(stream(platform)[0])) < 2000


@pytest.mark.parametrize(
    ("pool", "members"),
    [
        ({}, []),
        ({"is_active": False}, [{}]),
        ({}, [{"status": "offline"}, {"status": "banned"}, {"status": "checking"}]),
        ({}, [{"is_enabled": False}, {"draining": True}, {"weight": 0}]),
    ],
    ids=["empty", "paused", "no good status", "switched off"],
)
def test_without_an_eligible_bot_and_fallback_the_answer_is_503(
    platform: Platform, visitor: FlaskClient, pool: dict[str, Any], members: list[dict[str, Any]]
) -> None:
    new_pool(platform, new_account(platform), "red1", members, **pool)
    answer = visitor.get("/go/red1")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "15"
    assert "Nenhum bot disponível no momento" in answer.text
    assert stream(platform)[0]["bot"] == 0


def test_the_fallback_pool_serves_then_the_fallback_address(platform: Platform, visitor: FlaskClient) -> None:
    owner = new_account(platform)
    spare = new_pool(platform, owner, "spare", 1)
    new_pool(
        platform,
        owner,
        "red1",
        [{"status": "offline"}],
        fallback_pool_id=spare.id,
        fallback_url="https://example.org/later",
    )
    new_pool(platform, owner, "red2", 0, fallback_url="https://example.org/later")
    assert go(visitor, "red1")[0].startswith(f"{platform.settings.telegram_link_url}/fleet_")
    assert go(visitor, "red2") == ["https://example.org/later"]
    assert [click["reason"] for click in stream(platform)] == ["fallback/round_robin/tier0", "fallback/url"]


def test_a_circle_of_fallbacks_ends_in_503(platform: Platform, visitor: FlaskClient) -> None:
    owner = new_account(platform)
    first = new_pool(platform, owner, "red1", 0)
    second = new_pool(platform, owner, "red2", 0, fallback_pool_id=first.id)
    with platform.database.transaction() as session:
        session.merge(first).fallback_pool_id = second.id

    publish(platform, [first.id])
    assert visitor.get("/go/red1").status_code == 503


def test_preferred_members_serve_alone_and_degraded_ones_only_at_last(
    platform: Platform, visitor: FlaskClient, road: Redirector
) -> None:
    owner = new_account(platform)
    members: list[dict[str, Any]] = [
        {"priority": 1},
        {"priority": 0},
        {"priority": -1},
        {"priority": 1, "status": MemberStatus.DEGRADED},
    ]
    pool = new_pool(platform, owner, "red1", members)
    road.start()
    by_priority = [member.bot_id for member in road.book.get("red1").members]  # type: ignore[union-attr]
    for bot_id in by_priority[:3]:
        assert len(bots_of(go(visitor, "red1", 4))) == 1
        update_member(platform, owner, pool.id, bot_id, MemberChange(draining=True))
        road.book.refresh()
    go(visitor, "red1")
    flush(platform)

    with platform.database.reading() as session:
        clicks = session.execute(select(Click.bot_id, Click.reason)).all()
    assert {(bot_id, reason) for bot_id, reason in clicks} == {
        (by_priority[0], "round_robin/tier1"),
        (by_priority[1], "round_robin/tier0"),
        (by_priority[2], "round_robin/tier-1"),
        (by_priority[3], "round_robin/degraded"),
    }


def test_a_bot_that_joined_just_now_gets_a_small_share(platform: Platform, visitor: FlaskClient) -> None:
    members: list[dict[str, Any]] = [{}, {}, {"slow_start_at": utc_now(), "added_at": utc_now()}]
    new_pool(platform, new_account(platform), "red1", members, rate_limit_per_minute=0)
    counts = sorted(bots_of(go(visitor, "red1", 300)).values())
    assert 3 <= counts[0] <= 25
    assert counts[2] - counts[1] <= 3


def test_a_dry_run_shows_the_decision_to_its_owner_and_counts_nothing(
    platform: Platform, app: Flask, road: Redirector
) -> None:
    account = make_account(platform)
    members: list[dict[str, Any]] = [{}, {"status": "offline"}, {"draining": True}, {"priority": -1}]
    new_pool(platform, caller_of(account), "red1", members)
    new_pool(platform, new_account(platform), "foreign", 1)
    client = app.test_client()
    client.environ_base["HTTP_USER_AGENT"] = PERSON
    sign_in(client)
    shown = client.get("/go/red1?dry_run=1").get_json()
    assert shown["reason"] == "round_robin/tier0"
    assert [one["obstacle"] for one in shown["members"]] == [None, "offline", "draining", "lower_tier"]
    assert shown["destination"]["bot_id"] == shown["members"][0]["bot_id"] == shown["candidates"][0]["bot_id"]
    assert client.get("/go/foreign?dry_run=1").status_code == 404
    assert stream(platform) == []
    assert app.test_client().get("/go/red1?dry_run=1", headers={"User-Agent": PERSON}).status_code == 302


def test_a_click_can_be_explained_to_its_owner_and_to_nobody_else(
    platform: Platform, visitor: FlaskClient, app: Flask
) -> None:
    account = make_account(platform)
    key = make_key(platform, account)
    stranger = make_key(platform, make_account(platform, "two@example.com"))
    members: list[dict[str, Any]] = [{"weight": 2}, {"weight": 1}, {"status": "offline"}]
    new_pool(platform, caller_of(account), "red1", members, distribution_strategy="weighted")
    go(visitor, "red1", 3)
    last = stream(platform)[-1]["id"]
    flush(platform)
    client = app.test_client()
    told = client.get(f"/api/v1/clicks/{last}/explain", headers=key).get_json()
    assert (told["reason"], told["position"]) == ("weighted/tier0", 2)
    assert [(one["share"], one["factor"]) for one in told["candidates"]] == [(2, 1.0), (1, 1.0)]
    assert told["bot_id"] == told["candidates"][0]["bot_id"]
    assert [one["status"] for one in told["members"]] == ["online", "online", "offline"]
    assert client.get(f"/api/v1/clicks/{last}/explain", headers=stranger).status_code == 404
    assert client.get("/api/v1/clicks/nothing/explain", headers=key).status_code == 404
