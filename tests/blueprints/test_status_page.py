"""The public status page: what strangers get to see, and what only its owner does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import event, select, update

from models import Account, AuditEvent, Notification, PoolBot, PoolDay, RedirectPool, StatusPage
from services.core.times import day_of, utc_now
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName
from services.reporting.status_page.page import PublicState, state_of
from tests.blueprints.people import caller_of, make_account, make_key, sign_in, submit
from tests.services.fleet.health.world import pool_in_tables

API = "/api/v1/status-page"
PANEL = "/panel/account/status-page"


@pytest.fixture
def pool(platform: Platform) -> RedirectPool:
    """A pool of two bots that work, of an account of its own."""
    fleet = pool_in_tables(platform, 2)
    with platform.database.transaction() as session:
        session.execute(update(PoolBot).values(status="online", last_health_check=utc_now()))
        session.execute(update(RedirectPool).values(name="Inner name", slug="inner-slug"))
        found = session.get(RedirectPool, fleet.pool_id)
        assert found is not None
        return found


@pytest.fixture
def key(platform: Platform, pool: RedirectPool) -> dict[str, str]:
    with platform.database.reading() as session:
        owner = session.get(Account, pool.account_id)
    assert owner is not None
    return make_key(platform, owner)


def put(client: FlaskClient, key: dict[str, str], pool: RedirectPool, **more: Any) -> dict[str, Any]:
    wanted = {"is_on": True, "pools": [{"pool_id": pool.id, "label": "Spring campaign"}], **more}
    answer = client.put(API, json=wanted, headers=key)
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


@pytest.mark.data
def test_nothing_is_public_before_it_is_switched_on_and_after_it_was_switched_off(
    client: FlaskClient, key: dict[str, str], pool: RedirectPool
) -> None:
    assert (client.get(API, headers=key).json or {})["path"] is None
    path = put(client, key, pool, is_on=False)["path"]
    assert client.get(path).status_code == 404
    assert put(client, key, pool)["path"] == path
    shown = client.get(path)
    assert shown.status_code == 200
    assert "Set-Cookie" not in shown.headers
    assert shown.headers["Cache-Control"] == "public, max-age=30"
    put(client, key, pool, is_on=False)
    gone, never = client.get(path), client.get("/status/" + "A" * 22)
    assert (gone.status_code, never.status_code) == (404, 404)
    assert client.get("/status/short").status_code == 404


@pytest.mark.data
def test_it_names_no_bot_and_no_link(
    client: FlaskClient, platform: Platform, key: dict[str, str], pool: RedirectPool
) -> None:
    at = utc_now() - timedelta(hours=2)
    params = {"pool": pool.name, "health": "0%", "online": 0, "total": 2, "bot": "secret_bot"}
    with platform.database.transaction() as session:
        for kind, minutes in (("pool_critical", 0), ("pool_recovered", 30), ("ban_wave", 40)):
            session.add(
                Notification(
                    account_id=pool.account_id,
                    kind=kind,
                    level="critical",
                    dedupe_key=f"{kind}:1",
                    params=params,
                    pool_id=pool.id,
                    at=at + timedelta(minutes=minutes),
                )
            )
        day = day_of(utc_now())
        session.add(
            PoolDay(pool_id=pool.id, day=day, up_seconds=1800, watched_seconds=3600, counted_until=utc_now())
        )
        bots = [member.bot.username for member in session.scalars(select(PoolBot))]
    path = put(client, key, pool, title="Ana's links")["path"]
    english = client.get(path, headers={"Accept-Language": "en"}).text
    assert "Spring campaign was not available." in english
    assert "lost several of its parts" in english
    assert "Everything works" in english
    assert "50%" in english
    assert english.count('class="bar is-none"') == 90  # 89 days and the legend
    assert 'name="robots" content="noindex"' in english
    assert 'lang="pt-BR"' in client.get(path, headers={"Accept-Language": "pt"}).text
    for secret in (*bots, "secret_bot", "Inner name", "inner-slug", "@"):
        assert secret not in english
    put(client, key, pool, shows_incidents=False, allows_search=True)
    answer = client.get(path, headers={"Accept-Language": "en"})
    assert "was not available." not in answer.text
    assert "noindex" not in answer.text
    assert "X-Robots-Tag" not in answer.headers


def test_many_visitors_cost_one_reading(
    client: FlaskClient, platform: Platform, key: dict[str, str], pool: RedirectPool
) -> None:
    path = put(client, key, pool)["path"]
    asked: list[str] = []
    event.listen(platform.database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for _ in range(20):
        assert client.get(path).status_code == 200
    assert len([words for words in asked if words.startswith("SELECT")]) == 5
    assert 0 < platform.redis.ttl(upkeep_keys.status_page(path.rpartition("/")[2], "pt_BR")) <= 30
    for _ in range(41):
        last = client.get(path)
    assert last.status_code == 429


@pytest.mark.data
def test_another_s_pool_is_not_there_and_a_page_without_pools_is_not_switched_on(
    client: FlaskClient, platform: Platform, key: dict[str, str], pool: RedirectPool
) -> None:
    other = make_key(platform, make_account(platform, "other@example.com", admin=True))
    body = {"is_on": True, "pools": [{"pool_id": pool.id}]}
    assert client.put(API, json=body, headers=other).status_code == 404
    assert client.put(API, json={"is_on": True}, headers=key).status_code == 422
    twice = {"pools": [{"pool_id": pool.id}, {"pool_id": pool.id}]}
    assert client.put(API, json=twice, headers=key).status_code == 422
    with platform.database.reading() as session:
        assert session.scalars(select(StatusPage)).all() == []


def test_another_address_ends_the_former_one_and_all_is_in_the_trail(
    client: FlaskClient, platform: Platform, key: dict[str, str], pool: RedirectPool
) -> None:
    former = put(client, key, pool)["path"]
    assert client.get(former).status_code == 200
    present = (client.post(f"{API}/address", headers=key).json or {})["path"]
    assert present != former
    assert (client.get(former).status_code, client.get(present).status_code) == (404, 200)
    with platform.database.reading() as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.kind.startswith("status_page")))
        told = [(row.kind, row.details.get("is_on")) for row in rows]
        assert all(part not in str(told) for part in (former, present))
    assert told == [("status_page_changed", True), ("status_page_moved", None)]
    queue = Queue("default", connection=platform.job_redis, serializer=JSONSerializer)
    assert [job.func_name for job in queue.jobs] == [JobName.COUNT_POOL_DAYS]  # at once, and not by the clock


def test_in_the_panel_it_is_chosen_looked_at_and_switched_on(app: Flask, platform: Platform) -> None:
    client, account = app.test_client(), make_account(platform)
    sign_in(client)
    assert "Make a pool first" in client.get(PANEL, headers={"Accept-Language": "en"}).text
    with platform.database.transaction() as session:
        pool = RedirectPool(account_id=caller_of(account).account_id, name="Inner name", slug="inner")
        session.add(pool)
    assert client.get(f"{PANEL}/preview").status_code == 404
    assert submit(client, PANEL, is_on="1").status_code == 422
    label = {f"label-{pool.id}": "For you"}
    assert submit(client, PANEL, pool=str(pool.id), title="Links", **label).status_code == 302
    preview = client.get(f"{PANEL}/preview").text
    assert "For you" in preview
    assert "Inner name" not in preview
    assert submit(client, PANEL, is_on="1", pool=str(pool.id), **label).status_code == 302
    with platform.database.reading() as session:
        token = session.scalars(select(StatusPage.token)).one()
    assert f"/status/{token}" in client.get(PANEL).text
    assert submit(client, PANEL, f"{PANEL}/address").status_code == 302
    assert app.test_client().get(f"/status/{token}").status_code == 404


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([], PublicState.UNKNOWN),
        (["checking"], PublicState.UNKNOWN),
        (["online", "checking"], PublicState.UP),
        (["online", "banned"], PublicState.UP),
        (["online", "banned", "offline"], PublicState.REDUCED),
        (["suspect"], PublicState.UP),
        (["banned", "offline"], PublicState.DOWN),
    ],
)
def test_the_state_of_a_pool_is_that_of_its_bots(statuses: list[str], state: PublicState) -> None:
    assert state_of(True, statuses) == state
    assert state_of(False, statuses) == PublicState.PAUSED
