"""Who is signed in: remembered sessions, keys beside cookies, revocation, and what leaves the session alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import current_user, login_fresh
from sqlalchemy import select, update
from werkzeug.http import parse_date
from werkzeug.test import TestResponse

from app import create_app
from models import AccountSession
from services.core.environment import load_settings
from services.core.errors import ConfigurationError, Unauthenticated
from services.core.setting_types import AppEnv
from services.core.settings import Settings
from services.core.times import utc_now
from services.platform.platform import Platform
from tests.blueprints.people import (
    PASSWORD,
    csrf_token,
    make_account,
    make_key,
    sign_in,
    submit,
)
from web.access import public

KEYS = "/api/v1/keys"
PAGE = "/panel/account"
LIVE = "/panel/live/overview"


def rows(platform: Platform) -> list[AccountSession]:
    with platform.database.reading() as database:
        return list(database.scalars(select(AccountSession).order_by(AccountSession.id)))


def cookie_of(answer: TestResponse) -> str:
    """The session's cookie that an answer sets; never one of Flask-Login's own beside it."""
    found = answer.headers.getlist("Set-Cookie")
    assert not any(cookie.startswith(("remember_token", "=")) for cookie in found)
    (own,) = (cookie for cookie in found if cookie.startswith(("flotilla=", "__Host-flotilla=")))
    return own


def end_of(cookie: str) -> datetime | None:
    """When a browser forgets a cookie; None: when it is closed."""
    values = dict(part.strip().partition("=")[::2] for part in cookie.split(";"))
    return parse_date(values["Expires"]) if "Expires" in values else None


def last_seen(platform: Platform, ago: timedelta) -> None:
    with platform.database.transaction() as database:
        database.execute(update(AccountSession).values(last_seen_at=utc_now() - ago))


def near(moment: datetime | None, expected: datetime) -> bool:
    return moment is not None and abs(moment - expected) < timedelta(minutes=1)


def test_without_the_box_the_cookie_goes_with_the_browser_and_the_row_after_hours(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    cookie = cookie_of(sign_in(client))
    assert "Expires" not in cookie
    assert "Max-Age" not in cookie
    (row,) = rows(platform)
    assert not row.is_remembered
    assert near(row.expires_at, utc_now() + timedelta(hours=12))


def test_a_remembered_sign_in_lasts_as_long_in_the_cookie_as_in_its_row(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    cookie = cookie_of(sign_in(client, remember=True))
    (row,) = rows(platform)
    assert row.is_remembered
    assert near(row.expires_at, utc_now() + timedelta(days=30))
    assert near(end_of(cookie), row.expires_at)


@pytest.mark.parametrize("remember", [True, False])
def test_use_prolongs_the_row_and_its_cookie_together(
    client: FlaskClient, platform: Platform, remember: bool
) -> None:
    make_account(platform)
    sign_in(client, remember=remember)
    with platform.database.transaction() as database:
        database.execute(update(AccountSession).values(expires_at=utc_now() + timedelta(minutes=1)))
    last_seen(platform, timedelta(minutes=5))
    cookie = cookie_of(client.get(LIVE))
    lasts = timedelta(days=30) if remember else timedelta(hours=12)
    (row,) = rows(platform)
    assert near(row.expires_at, utc_now() + lasts)
    assert near(end_of(cookie), row.expires_at) if remember else end_of(cookie) is None
    assert client.get(LIVE).headers.getlist("Set-Cookie") == []  # once a minute is enough


def test_how_long_is_set_and_an_ended_row_is_no_session_whatever_the_cookie_says(
    settings: Settings, platform: Platform
) -> None:
    make_account(platform)
    hurried = Platform(settings.model_copy(update={"remember_days": 3, "session_hours": 2}))
    client = create_app(hurried).test_client()
    cookie = cookie_of(sign_in(client, remember=True))
    assert near(end_of(cookie), utc_now() + timedelta(days=3))
    with platform.database.transaction() as database:
        database.execute(update(AccountSession).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert client.get(PAGE).status_code == 302


def test_a_remembered_sign_in_cannot_be_set_to_end_before_the_others() -> None:
    given = {"SECRET_KEY": "k", "ENCRYPTION_KEYS": "k", "SESSION_HOURS": "25", "REMEMBER_DAYS": "1"}
    with pytest.raises(ConfigurationError, match="REMEMBER_DAYS must be at least"):
        load_settings(given)


def test_a_remembered_cookie_is_guarded_like_any_in_production(
    settings: Settings, platform: Platform
) -> None:
    make_account(platform)
    client = create_app(Platform(settings.model_copy(update={"app_env": AppEnv.PROD}))).test_client()
    here = "https://flotilla.example"
    page = client.get("/login", base_url=here).text
    answer = client.post(
        "/login",
        base_url=here,
        headers={"Referer": f"{here}/login"},
        data={
            "csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0],
            "email": "owner@example.com",
            "password": PASSWORD,
            "remember": "1",
        },
    )
    cookie = cookie_of(answer)
    assert cookie.startswith("__Host-flotilla=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Expires="))
    assert "Domain" not in cookie


def test_the_list_of_sessions_tells_which_are_remembered_until_when(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    sign_in(client)
    assert "continua conectado" not in client.get(PAGE).text
    sign_in(app.test_client(), remember=True)
    page = client.get(PAGE).text
    assert page.count("continua conectado") == 1
    assert rows(platform)[1].expires_at.isoformat() in page


def test_signing_out_ends_a_remembered_session_for_good(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    sign_in(client, remember=True)
    kept = client.get_cookie("flotilla")
    assert kept is not None
    out = submit(client, PAGE, "/logout")
    assert out.headers["Location"] == "/login"
    assert rows(platform) == []
    thief = app.test_client()
    thief.set_cookie("flotilla", kept.value)
    assert thief.get(PAGE).status_code == 302


def test_a_revoked_row_is_signed_out_at_once_everywhere(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    elsewhere = app.test_client()
    sign_in(elsewhere, remember=True)
    sign_in(client)
    token = csrf_token(elsewhere, PAGE)
    submit(client, PAGE, f"/panel/account/sessions/{rows(platform)[0].id}/revoke")
    assert elsewhere.get(PAGE).headers["Location"] == "/login?next=/panel/account"
    assert elsewhere.get(LIVE, headers={"Accept": "application/json"}).status_code == 401
    assert elsewhere.get(KEYS).status_code == 401
    assert elsewhere.post(KEYS, json={}, headers={"X-CSRFToken": token}).status_code == 401
    assert elsewhere.get("/login").status_code == 200
    assert client.get(PAGE).status_code == 200


def test_a_new_password_ends_remembered_sessions_elsewhere_and_keeps_this_one(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    elsewhere = app.test_client()
    sign_in(elsewhere, remember=True)
    sign_in(client, remember=True)
    changed = submit(client, PAGE, "/panel/account/password", present=PASSWORD, password="another good one")
    assert changed.status_code == 302
    assert elsewhere.get(PAGE).status_code == 302
    assert client.get(PAGE).status_code == 200
    assert [row.is_remembered for row in rows(platform)] == [True]


def test_signing_in_leaves_nothing_of_a_planted_session_not_even_its_row(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform, "thief@example.com")
    make_account(platform)
    thief = app.test_client()
    sign_in(thief, "thief@example.com", remember=True)
    planted = thief.get_cookie("flotilla")
    assert planted is not None
    client.set_cookie("flotilla", planted.value)
    token = csrf_token(client, PAGE)
    client.post("/login", data={"csrf_token": token, "email": "owner@example.com", "password": PASSWORD})
    assert "owner@example.com" in client.get(PAGE).text
    assert thief.get(PAGE).status_code == 302
    (row,) = rows(platform)
    assert not row.is_remembered


def test_a_key_beside_a_cookie_acts_for_the_key_s_account(client: FlaskClient, platform: Platform) -> None:
    owner, other = make_account(platform), make_account(platform, "other@example.com")
    header = make_key(platform, other)
    sign_in(client, remember=True)
    mine = client.post(KEYS, json={"name": "mine"}, headers={"X-CSRFToken": csrf_token(client, PAGE)})
    theirs = client.post(KEYS, json={"name": "theirs"}, headers=header)  # and needs no CSRF token
    assert (mine.status_code, theirs.status_code) == (201, 201)
    named = {key["name"] for key in client.get(KEYS, headers=header).json["items"]}  # type: ignore[index]
    assert named == {"", "theirs"}
    named = {key["name"] for key in client.get(KEYS, headers=make_key(platform, owner)).json["items"]}  # type: ignore[index]
    assert "mine" in named
    assert "theirs" not in named
    assert "owner@example.com" in client.get(PAGE, headers=header).text  # pages take no key


def test_a_wrong_key_is_looked_up_once_and_named_even_with_a_cookie(
    client: FlaskClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account(platform)
    sign_in(client)
    asked: list[str] = []

    def refused(_platform: Platform, key: str, _ip: str) -> None:
        asked.append(key)
        raise Unauthenticated("This API key is not valid", code="key_invalid")

    monkeypatch.setattr("web.login.resolve_key", refused)
    answer = client.get(KEYS, headers={"X-API-Key": "flk_a_b", "Accept-Language": "pt-BR"})
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (401, "key_invalid")
    assert asked == ["flk_a_b"]


def test_a_cookie_under_flask_logins_own_name_is_no_sign_in_and_hides_no_key(
    client: FlaskClient, platform: Platform
) -> None:
    header = make_key(platform, make_account(platform))
    client.set_cookie("remember_token", "made-up|0123456789")
    assert client.get(PAGE).status_code == 302
    assert client.get(KEYS, headers=header).status_code == 200


def test_a_public_page_may_ask_who_is_signed_in(app: Flask, client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    app.get("/asking")(public(lambda: {"known": current_user.is_authenticated, "fresh": login_fresh()}))
    assert client.get("/asking").json == {"known": False, "fresh": False}
    sign_in(client)
    assert client.get("/asking").json == {"known": True, "fresh": True}


def test_clicks_and_updates_never_look_at_the_session(app: Flask, platform: Platform) -> None:
    """Flask says `Vary: Cookie` on every answer whose request did."""
    app.view_functions["redirects.fast"] = public(lambda: ("", 302, {"Location": "https://t.me/x"}))
    app.add_url_rule("/fast", "redirects.fast")
    make_account(platform)
    client = app.test_client()
    assert sign_in(client, remember=True).headers["Vary"] == "Cookie"
    last_seen(platform, timedelta(hours=1))
    fast, hook = client.get("/fast"), client.post("/webhook/nobody", json={})
    assert (fast.status_code, hook.status_code) == (302, 401)
    assert ("Vary" in fast.headers, "Vary" in hook.headers) == (False, False)
    assert near(rows(platform)[0].last_seen_at, utc_now() - timedelta(hours=1))
