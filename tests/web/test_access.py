"""Who may enter: keys, sessions, CSRF, scopes, internal routes, proxies, headers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from ipaddress import ip_network
from types import MappingProxyType

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from app import create_app
from services.core.setting_types import AppEnv
from services.core.settings import Settings
from services.platform.platform import Platform
from tests.blueprints.people import csrf_token, make_account, make_key, sign_in
from web.access import internal, public, signed_in
from web.proxies import FORWARDING

KEYS = "/api/v1/keys"


def code_of(answer: TestResponse) -> str:
    assert answer.mimetype == "application/problem+json"
    problem: dict[str, str] = json.loads(answer.data)
    return problem["code"]


def watched(platform: Platform) -> Flask:
    """The application with one internal route of our own."""
    app = create_app(platform)
    app.get("/watched")(internal(lambda: "inside"))
    return app


def seen(
    settings: Settings,
    peer: str,
    forwarded: str,
    headers: Mapping[str, str] = MappingProxyType({}),
    **update: object,
) -> str:
    """The address, and the country, that the application sees of a request from `peer`."""
    app = create_app(Platform(settings.model_copy(update=update)))
    app.get("/seen")(public(lambda: f"{request.remote_addr} {request.headers.get('CF-IPCountry', '')}"))
    sent = {**headers, **({"X-Forwarded-For": forwarded} if forwarded else {})}
    return app.test_client().get("/seen", headers=sent, environ_base={"REMOTE_ADDR": peer}).text


def test_a_route_without_declared_access_answers_nobody(app: Flask) -> None:
    app.get("/undeclared")(lambda: "open")
    answer = app.test_client().get("/undeclared")
    assert answer.status_code == 500
    assert "open" not in answer.text.split("<main")[-1]


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_enters_by_either_header_without_a_csrf_token(
    client: FlaskClient, platform: Platform, header: str
) -> None:
    key = make_key(platform, make_account(platform))["Authorization"]
    value = key if header == "Authorization" else key.removeprefix("Bearer ")
    assert client.get(KEYS, headers={header: value}).status_code == 200
    assert client.post(KEYS, json={}, headers={header: value}).status_code == 201


def test_nobody_gets_401_and_a_key_without_the_scope_403(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    answer = client.get(KEYS)
    assert (answer.status_code, code_of(answer)) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = client.post(KEYS, json={}, headers=make_key(platform, account, "read"))
    assert (answer.status_code, code_of(answer)) == (403, "scope_missing")
    answer = client.get(KEYS, headers={"X-API-Key": "flk_made_up"})
    assert (answer.status_code, code_of(answer)) == (401, "key_invalid")


def test_a_wrong_key_is_not_helped_by_a_session(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    sign_in(client)
    assert client.get(KEYS).status_code == 200
    assert client.get(KEYS, headers={"X-API-Key": "flk_made_up"}).status_code == 401


def test_a_session_changes_things_only_with_a_csrf_token(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    sign_in(client)
    refused = client.post(KEYS, json={})
    assert (refused.status_code, code_of(refused)) == (400, "csrf")
    token = csrf_token(client, "/panel/account")
    assert client.post(KEYS, json={}, headers={"X-CSRFToken": token}).status_code == 201
    forged = (
        token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    )  # the last character has bits that mean nothing
    assert client.post(KEYS, json={}, headers={"X-CSRFToken": forged}).status_code == 400


@pytest.mark.parametrize(
    "path", ["/login", "/setup", "/logout", "/panel/account/keys", "/panel/account/password"]
)
def test_every_form_needs_its_token(client: FlaskClient, platform: Platform, path: str) -> None:
    make_account(platform)
    sign_in(client)
    assert client.post(path, data={"email": "owner@example.com"}).status_code == 400


def test_a_page_asks_a_person_to_sign_in_and_a_script_gets_401(app: Flask, client: FlaskClient) -> None:
    app.get("/page")(signed_in(lambda: "inside"))
    assert client.get("/page").headers["Location"] == "/login?next=/page"
    assert client.get("/page", headers={"Accept": "application/json"}).status_code == 401


def test_a_page_for_people_takes_no_key(client: FlaskClient, platform: Platform) -> None:
    key = make_key(platform, make_account(platform))
    assert client.get("/panel/account", headers=key).status_code == 302


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("192.0.2.1", {}, 401),
        ("192.0.2.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
        # Behind a proxy nobody told us about, everybody would be loopback.
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 401),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.1"}, 401),
    ],
)
def test_internal_routes_without_trusted_proxies(
    platform: Platform, address: str, headers: dict[str, str], status: int
) -> None:
    client = watched(platform).test_client()
    answer = client.get("/watched", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.7, 192.0.2.1", "192.0.2.1"),
        ("10.1.2.3", "192.0.2.1", "192.0.2.1"),
        ("::ffff:172.18.0.1", "192.0.2.1", "192.0.2.1"),
        ("fd00::2", "2001:db8::1", "2001:db8::1"),
        ("", "192.0.2.1", "192.0.2.1"),  # a Unix socket
        ("127.0.0.1", "", "127.0.0.1"),
        ("198.51.100.1", "127.0.0.1", "198.51.100.1"),
        ("2001:db8::5", "::1", "2001:db8::5"),
    ],
)
def test_behind_a_proxy_the_client_is_whom_it_names_and_of_others_the_peer(
    settings: Settings, platform: Platform, peer: str, forwarded: str, address: str
) -> None:
    assert seen(settings, peer, forwarded, trusted_proxies=1) == f"{address} "


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.1, 198.51.100.1", "192.0.2.1"),
        ("192.0.2.1", "10.0.0.1"),
        ("203.0.113.7, 192.0.2.1, 198.51.100.1", "192.0.2.1"),
    ],
)
def test_exactly_so_many_proxies_are_believed(
    settings: Settings, platform: Platform, forwarded: str, address: str
) -> None:
    assert seen(settings, "10.0.0.1", forwarded, trusted_proxies=2) == f"{address} "


def test_only_the_proxies_named_are_believed_the_country_too(settings: Settings, platform: Platform) -> None:
    networks = (ip_network("198.51.100.0/24"), ip_network("10.0.0.1"))
    tries = {"198.51.100.9": "192.0.2.1 BR", "10.0.0.1": "192.0.2.1 BR", "10.0.0.2": "10.0.0.2 ", "127.0.0.1": "127.0.0.1 "}  # fmt: skip
    for peer, found in tries.items():
        headers = {"CF-IPCountry": "BR"}
        assert (
            seen(settings, peer, "192.0.2.1", headers, trusted_proxies=1, proxy_addresses=networks) == found
        )


def test_a_header_from_past_the_proxies_is_told_once_without_the_address(
    settings: Settings, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    app = watched(Platform(settings.model_copy(update={"trusted_proxies": 1})))
    for peer in ("127.0.0.1", "198.51.100.1", "198.51.100.2"):
        headers = {"X-Forwarded-For": "192.0.2.1"}
        app.test_client().get("/watched", headers=headers, environ_base={"REMOTE_ADDR": peer})
    told = [record.getMessage() for record in caplog.records if record.name == "web.proxies"]
    assert len(told) == 1
    assert "PROXY_ADDRESSES" in told[0]
    assert "198.51" not in told[0]


@pytest.mark.parametrize("header", FORWARDING)
def test_behind_a_proxy_on_the_same_machine_nobody_is_a_program_on_it(
    settings: Settings, platform: Platform, header: str
) -> None:
    for proxies in (0, 1):
        behind = Platform(settings.model_copy(update={"trusted_proxies": proxies}))
        client = watched(behind).test_client()
        assert client.get("/watched", headers={header: "127.0.0.1"}).status_code == 401
        assert client.get("/watched").status_code == 200


def test_a_metrics_token_leaves_programs_on_the_same_machine_outside(
    settings: Settings, platform: Platform
) -> None:
    guarded = Platform(settings.model_copy(update={"metrics_token": SecretStr("s3cret")}))
    assert watched(guarded).test_client().get("/watched").status_code == 401


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
        ("Bearer wrong", 401),
        ("Bearer ", 401),
        ("Bearer é", 401),
        ("Basic s3cret", 401),
    ],
)
def test_the_metrics_token_opens_internal_routes(
    settings: Settings, platform: Platform, sent: str, status: int
) -> None:
    guarded = Platform(settings.model_copy(update={"metrics_token": SecretStr("s3cret")}))
    client = watched(guarded).test_client()
    answer = client.get(
        "/watched", headers={"Authorization": sent}, environ_base={"REMOTE_ADDR": "192.0.2.1"}
    )
    assert answer.status_code == status


def test_without_a_metrics_token_an_empty_bearer_opens_nothing(platform: Platform) -> None:
    client = watched(platform).test_client()
    away = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.get("/watched", headers={"Authorization": "Bearer "}, environ_base=away).status_code == 401


@pytest.mark.parametrize(("admin", "status"), [(True, 200), (False, 403)])
def test_only_an_admin_s_session_opens_internal_routes(platform: Platform, admin: bool, status: int) -> None:
    make_account(platform, admin=admin)
    client = watched(platform).test_client()
    sign_in(client)
    assert client.get("/watched", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == status


def test_every_page_carries_the_security_headers(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    for path in ("/login", "/nowhere", KEYS):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers


def test_public_links_pass_without_the_frame_but_their_error_pages_are_guarded_too(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    app.view_functions["redirects.fast"] = public(lambda: ("", 302, {"Location": "https://t.me/x"}))
    app.add_url_rule("/fast", "redirects.fast")
    fast, lost = client.get("/fast"), client.get("/go/nowhere")
    assert "X-Request-Id" not in fast.headers
    assert "Content-Security-Policy" not in fast.headers
    assert lost.status_code == 404
    assert "default-src 'none'" in lost.headers["Content-Security-Policy"]


def test_in_production_cookies_need_https_and_hsts_is_sent(settings: Settings, platform: Platform) -> None:
    make_account(platform)
    client = create_app(Platform(settings.model_copy(update={"app_env": AppEnv.PROD}))).test_client()
    answer = client.get("/login", base_url="https://flotilla.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-flotilla=")
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))


def test_a_request_is_logged_once_under_an_id_of_ours_without_its_query(
    client: FlaskClient, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    make_account(platform)
    with caplog.at_level(logging.INFO, "web.security"):
        answer = client.get("/login?next=/secret-place", headers={"X-Request-Id": "forged"})
    lines = [record for record in caplog.records if record.name == "web.security"]
    assert [record.getMessage() for record in lines] == ["GET /login 200"]
    assert answer.headers["X-Request-Id"] not in ("", "forged")
    assert "secret-place" not in caplog.text
