"""The panel's pages and their live answers, from sign-in to somebody else's id."""

from __future__ import annotations

import re
from enum import StrEnum

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from models import (
    Account,
    Bot,
    FsmStrategy,
    Lead,
    MemberStatus,
    PoolBot,
    PoolRule,
    RedirectPool,
    UncertainPolicy,
)
from services.alerts.notifications.fields import NewDestination
from services.alerts.notifications.kinds import Kind, Level
from services.alerts.notifications.notify import notify
from services.alerts.notifications.registry import create_destination
from services.fleet.experiments.experiments import create_experiment, start_experiment
from services.fleet.experiments.fields import ArmFields, NewExperiment
from services.fleet.pools.fields import NewPool
from services.fleet.pools.pools import create_pool
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, csrf_token, make_account, sign_in

PAGES = ("/panel", "/panel/bots", "/panel/pools", "/panel/flows", "/panel/notifications", "/panel/account")
LIVE = ("/panel/live/overview", "/panel/live/bots", "/panel/live/pools", "/panel/live/notifications")


@pytest.fixture
def owner(platform: Platform, client: FlaskClient) -> Account:
    """An account, signed in."""
    account = make_account(platform)
    sign_in(client)
    return account


def add_bot(platform: Platform, account: Account, username: str = "first_bot") -> Bot:
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=account.id,
            public_id=f"bot_{account.id:012x}",
            telegram_bot_id=1000 + account.id,
            username=username,
            sealed_token="sealed",
            mode="polling",
            path_id=f"path-{account.id}",
            plugins=[],
        )
        session.add(bot)
    return bot


def add_pool(
    platform: Platform, account: Account, slug: str = "red1", bot: Bot | None = None
) -> RedirectPool:
    pool = create_pool(platform, caller_of(account), NewPool(name=f"Pool {slug}", slug=slug))
    if bot is not None:
        with platform.database.transaction() as session:
            session.add(PoolBot(pool_id=pool.id, bot_id=bot.id, status=MemberStatus.ONLINE))
    return pool


@pytest.mark.parametrize("page", PAGES)
def test_a_page_wants_a_sign_in(client: FlaskClient, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 302
    assert "/login" in answer.headers["Location"]


@pytest.mark.parametrize("page", [*PAGES, *LIVE])
def test_a_new_account_sees_every_page(client: FlaskClient, owner: Account, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_the_root_leads_to_the_panel(client: FlaskClient) -> None:
    assert client.get("/").headers["Location"] == "/panel"


def test_bot_and_pool_pages_show_their_data_and_no_token(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    bot = add_bot(platform, owner)
    pool = add_pool(platform, owner, bot=bot)
    for page in (f"/panel/bots/{bot.id}", f"/panel/bots/{bot.public_id}", f"/panel/pools/{pool.id}"):
        text = client.get(page).text
        assert "first_bot" in text
        assert "sealed_token" not in text
    live = client.get(f"/panel/live/pools/{pool.id}").json
    assert live is not None
    assert live["status"]["members"][0]["state"] == "online"
    assert len(live["series"]["times"]) == 60
    day = client.get(f"/panel/live/pools/{pool.id}?span=day").json
    assert day is not None
    assert len(day["series"]["times"]) == 24


@pytest.mark.parametrize(
    ("choice", "column", "chosen"),
    [("policy", "uncertain_policy", each) for each in UncertainPolicy]
    + [("strategy", "fsm_strategy", each) for each in FsmStrategy],
)
def test_a_bots_page_shows_what_is_chosen_for_it(
    client: FlaskClient, platform: Platform, owner: Account, choice: str, column: str, chosen: StrEnum
) -> None:
    bot = add_bot(platform, owner)
    with platform.database.transaction() as session:
        setattr(session.get_one(Bot, bot.id), column, chosen)
    page = client.get(f"/panel/bots/{bot.id}").text
    select = page.partition(f'<select id="{choice}"')[2].partition("</select>")[0]
    assert re.findall(r'value="(\w+)"', select) == list(type(chosen))
    assert re.findall(r'value="(\w+)"[^>]* selected>', select) == [chosen]


def test_the_people_of_a_bot_are_read_page_by_page_by_its_owner_alone(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    bot = add_bot(platform, owner)
    with platform.database.transaction() as session:
        session.add(Lead(account_id=owner.id, bot_id=bot.id, telegram_id=2**40, first_name="Ana"))
    here = f"/panel/live/bots/{bot.id}/people"
    found = client.get(f"{here}?q=an").get_json()
    assert [each["telegram_id"] for each in found["people"]] == [2**40]
    assert client.get(f"{here}?page=2").get_json() == {"people": [], "page": 2, "more": False}
    assert client.get(f"{here}?page=0").status_code == 422
    assert client.get("/panel/live/bots/987654/people").status_code == 404
    assert 'id="panel-users"' in client.get(f"/panel/bots/{bot.id}").text


def test_manage_bots_tells_who_is_inside_and_who_could_be(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    bot = add_bot(platform, owner)
    empty, full = add_pool(platform, owner), add_pool(platform, owner, "red2", bot)
    outside = client.get(f"/panel/live/pools/{empty.id}/members").json
    inside = client.get(f"/panel/live/pools/{full.id}/members").json
    assert outside is not None
    assert inside is not None
    assert [item["username"] for item in outside["available"]] == ["first_bot"]
    assert outside["members"] == []
    assert [item["username"] for item in inside["members"]] == ["first_bot"]
    assert inside["available"] == []


def test_first_numbers_are_on_the_page_before_any_script_runs(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    pool = add_pool(platform, owner, bot=add_bot(platform, owner))
    page = client.get(f"/panel/pools/{pool.id}").text
    assert '<strong x-text="onlineText(hero)">1/1 online</strong>' in page
    assert 'x-text="healthText(status)">100%</p>' in page
    assert '<dd x-text="numberOf(status.total_redirects)">0</dd>' in page
    assert "<span x-text=\"tile('bots_total')\">1</span>" in client.get("/panel").text


def test_a_pools_page_says_what_else_its_link_does_with_visitors(
    client: FlaskClient, platform: Platform, owner: Account
) -> None:
    bot = add_bot(platform, owner)
    pool, other = add_pool(platform, owner, bot=bot), add_pool(platform, owner, "red2", bot)
    plain = client.get(f"/panel/pools/{other.id}", headers={"Accept-Language": "en"}).text
    assert "There is no fallback" in plain
    assert "See the experiment" not in plain
    assert "See the rules" not in plain
    arms = (ArmFields(pool_id=pool.id, percent=70), ArmFields(pool_id=other.id, percent=30))
    made = create_experiment(
        platform, caller_of(owner), NewExperiment(name="Short", pool_id=pool.id, arms=arms)
    )
    start_experiment(platform, caller_of(owner), made.id)
    with platform.database.transaction() as session:
        session.get_one(RedirectPool, pool.id).fallback_url = "https://example.com/"
        for place, (target, active) in enumerate(((other.id, True), (other.id, False), (pool.id, True))):
            session.add(
                PoolRule(
                    pool_id=pool.id, position=place, target_pool_id=target, is_active=active, conditions={}
                )
            )
    page = client.get(f"/panel/pools/{pool.id}", headers={"Accept-Language": "en"}).text
    assert "The experiment “Short” sends 30% of them to other pools." in page
    assert "Rules that send visitors to other pools: 1." in page
    assert "There is no fallback" not in page


def test_somebody_elses_things_are_not_there(client: FlaskClient, platform: Platform, owner: Account) -> None:
    stranger = make_account(platform, "stranger@example.com")
    bot = add_bot(platform, stranger)
    pool = add_pool(platform, stranger, bot=bot)
    with platform.database.transaction() as session:
        told = {
            "pool": pool.name,
            "bot": bot.username,
            "health": 0,
            "online": 0,
            "total": 1,
            "cause": "",
            "reason": "",
        }
        notify(session, stranger.id, Kind.MEMBER_OFFLINE, Level.WARNING, "theirs", told)
    gone = [f"/panel/bots/{bot.id}", f"/panel/live/bots/{bot.id}"]
    gone += [
        f"/panel{live}/pools/{pool.id}{part}"
        for live, part in (("", ""), ("/live", ""), ("/live", "/members"))
    ]
    gone += [f"/panel/live/pools/{pool.id}/settings"]
    assert {path: client.get(path).status_code for path in gone} == dict.fromkeys(gone, 404)
    for page in (*PAGES, *LIVE):
        text = client.get(page).text
        assert "first_bot" not in text
        assert "red1" not in text.replace("/go/red1", "")  # the first steps name it as an example


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_nobody_is_told_until_a_destination_works(
    client: FlaskClient, platform: Platform, owner: Account, page: str
) -> None:
    said = "Ninguém é avisado quando um bot cai"
    assert said not in client.get(page).text, "there is no bot yet"
    add_bot(platform, owner)
    assert said in client.get(page).text
    live = client.get("/panel/live/notifications").json
    assert live is not None
    (problem,) = [one for one in live["problems"] if one["code"] == "unheard"]
    assert (problem["fatal"], problem["page"]) == (False, "/panel/notifications#destinations-title")
    new = NewDestination("webhook", url="http://127.0.0.1:1")
    create_destination(platform, caller_of(owner), new)
    assert said not in client.get(page).text


def test_a_page_hears_which_bots_are_down(client: FlaskClient, platform: Platform, owner: Account) -> None:
    bot = add_bot(platform, owner)
    add_pool(platform, owner, bot=bot)
    with platform.database.transaction() as session:
        session.execute(update(PoolBot).values(status=MemberStatus.BANNED, status_cause="unauthorized"))
    live = client.get("/panel/live/notifications").json
    assert live is not None
    assert live["down"] == [{"bot_id": bot.id, "username": bot.username, "state": "banned"}]
    shown = client.get("/panel/live/bots").json
    assert shown is not None
    [row] = shown["list"]["bots"]
    assert (row["state"], row["cause"]) == ("banned", "unauthorized")


def test_a_notification_is_read_once(client: FlaskClient, platform: Platform, owner: Account) -> None:
    with platform.database.transaction() as session:
        told = {"pool": "P", "bot": "x", "health": 75, "online": 3, "total": 4, "cause": "", "reason": ""}
        notify(session, owner.id, Kind.MEMBER_OFFLINE, Level.WARNING, "one", told)
    shown = client.get("/panel/live/notifications").json
    assert shown is not None
    assert shown["unread"] == 1
    expected = "⚠️ Bot @x do pool 'P' está offline.\nSaúde do pool: 75% (3/4 online)"
    assert shown["notifications"][0]["texts"] == [expected]
    token = {"X-CSRFToken": csrf_token(client, "/panel/account")}
    assert client.post("/panel/live/notifications/read", json={}).status_code == 400
    read = client.post("/panel/live/notifications/read", json={}, headers=token).json
    assert read is not None
    assert read["unread"] == 0


def test_what_waits_in_all_queues_is_for_admins(app: Flask, platform: Platform) -> None:
    make_account(platform, "admin@example.com", admin=True)
    make_account(platform)
    tiles = {}
    for email in ("admin@example.com", "owner@example.com"):
        browser = app.test_client()
        sign_in(browser, email)
        answer = browser.get("/panel/live/overview").json
        assert answer is not None
        tiles[email] = answer["tiles"]
    assert tiles["admin@example.com"]["updates_waiting"] == 0
    assert "updates_waiting" not in tiles["owner@example.com"]


def test_the_language_follows_browser_cookie_and_account(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    assert "Entrar" in client.get("/login").text
    assert "Sign in" in client.get("/login", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    token = csrf_token(client)
    client.post("/language", data={"csrf_token": token, "locale": "en", "next": "/login"})
    assert "Sign in" in client.get("/login", headers={"Accept-Language": "pt-BR"}).text
    sign_in(client)
    assert "Overview" in client.get("/panel").text  # nothing is chosen in the account yet
    client.delete_cookie("flotilla_locale")
    assert "Overview" in client.get("/panel", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    assert "Visão geral" in client.get("/panel").text
    answer = client.post(
        "/language",
        data={
            "csrf_token": csrf_token(client, "/panel/account"),
            "locale": "en",
            "next": "//elsewhere.example",
        },
    )
    assert answer.headers["Location"] == "/panel"
    client.delete_cookie("flotilla_locale")
    assert "Overview" in client.get("/panel", headers={"Accept-Language": "pt-BR"}).text


def test_an_unknown_language_is_refused(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    answer = client.post("/language", data={"csrf_token": csrf_token(client), "locale": "xx"})
    assert answer.status_code == 422


def test_the_banner_names_what_is_missing(client: FlaskClient, owner: Account) -> None:
    answer = client.get("/panel/live/pools").json
    assert answer is not None
    assert {"no_worker", "no_clock"} <= {problem["code"] for problem in answer["problems"]}
