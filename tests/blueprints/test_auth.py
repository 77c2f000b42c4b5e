"""Setting up, signing in and out, the account page, in the browser's words."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.core.settings import Settings
from services.platform.accounts.api_keys import create_key, list_keys, resolve_key
from services.platform.accounts.setup_code import setup_code
from services.platform.platform import Platform
from tests.blueprints.people import PASSWORD, caller_of, csrf_token, make_account, make_key, sign_in, submit


def test_a_fresh_installation_leads_to_its_setup_and_the_code_lets_in(
    client: FlaskClient, platform: Platform
) -> None:
    assert client.get("/login").headers["Location"] == "/setup"
    answer = submit(
        client, "/setup", code=setup_code(platform) or "", email="first@example.com", password=PASSWORD
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/panel")
    assert client.get("/panel/account").status_code == 200
    assert client.get("/setup").headers["Location"] == "/login"


@pytest.mark.parametrize(
    ("code", "email", "password", "status"),
    [("wrong", "a@b.c", PASSWORD, 403), ("", "nobody", PASSWORD, 422), ("", "a@b.c", "xyzzy", 422)],
)
def test_a_failed_setup_shows_the_form_again_with_the_reason(
    client: FlaskClient, platform: Platform, code: str, email: str, password: str, status: int
) -> None:
    code = code or setup_code(platform) or ""
    answer = submit(client, "/setup", code=code, email=email, password=password)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert f'value="{email}"' in answer.text
    assert password not in answer.text


def test_guesses_at_the_setup_code_are_stopped_by_address(client: FlaskClient, platform: Platform) -> None:
    def guess(code: str) -> int:
        return submit(client, "/setup", code=code, email="a@example.com", password=PASSWORD).status_code

    assert [guess("AAAA-AAAA-AAAA-AAAA") for _ in range(11)] == [403] * 10 + [429]
    assert guess(setup_code(platform) or "") == 429
    client.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    assert guess(setup_code(platform) or "") == 302


def test_signing_in_leads_to_the_panel_and_out_again(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    assert sign_in(client).headers["Location"] == "/panel"
    assert "owner@example.com" in client.get("/panel/account").text
    out = submit(client, "/panel/account", "/logout")
    assert out.headers["Location"] == "/login"
    assert client.get("/panel/account").status_code == 302


def test_a_cookie_kept_after_signing_out_opens_nothing(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    sign_in(client)
    kept = client.get_cookie("flotilla")
    assert kept is not None
    submit(client, "/panel/account", "/logout")
    thief = app.test_client()
    thief.set_cookie("flotilla", kept.value)
    assert thief.get("/panel/account").status_code == 302


def test_signing_in_rotates_the_session(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    token = csrf_token(client)
    with client.session_transaction() as session:
        before = dict(session)
    client.post("/login", data={"csrf_token": token, "email": "owner@example.com", "password": PASSWORD})
    with client.session_transaction() as session:
        assert "_user_id" in session
        assert session.get("csrf_token") != before["csrf_token"]
    first = client.get_cookie("flotilla")
    with client.session_transaction() as session:
        former = session["_user_id"]
    answer = client.post(
        "/login",
        data={
            "csrf_token": csrf_token(client, "/panel/account"),
            "email": "owner@example.com",
            "password": PASSWORD,
        },
    )
    assert answer.status_code == 302
    with client.session_transaction() as session:
        assert session["_user_id"] != former
    assert client.get_cookie("flotilla") != first


def test_a_wrong_password_is_told_without_saying_what_is_wrong(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    wrong, unknown = sign_in(client, password="not the password"), sign_in(client, "nobody@example.com")
    assert wrong.status_code == unknown.status_code == 401
    assert 'data-code="wrong_credentials"' in wrong.text
    assert 'data-code="wrong_credentials"' in unknown.text


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/panel/bots?page=2", "/panel/bots?page=2"),
        ("//evil.example", "/panel"),
        ("/\\evil.example", "/panel"),
        ("https://evil.example/", "/panel"),
        ("/%09/evil.example", "/%09/evil.example"),
        ("/\t/evil.example", "/panel"),
        ("javascript:alert(1)", "/panel"),
        ("", "/panel"),
    ],
)
def test_after_signing_in_one_is_led_only_to_this_site(
    client: FlaskClient, platform: Platform, target: str, leads_to: str
) -> None:
    make_account(platform)
    token = csrf_token(client)
    answer = client.post(
        "/login",
        query_string={"next": target},
        data={"csrf_token": token, "email": "owner@example.com", "password": PASSWORD},
    )
    assert answer.headers["Location"] == leads_to


def test_a_page_for_the_signed_in_leads_to_the_form_and_back(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    assert client.get("/panel/account?tab=2").headers["Location"] == "/login?next=/panel/account%3Ftab%3D2"


def test_a_new_password_is_set_and_a_wrong_present_one_refused(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    sign_in(client)
    target = "/panel/account/password"
    wrong = submit(client, "/panel/account", target, present="wrong", password="another good one")
    assert (wrong.status_code, 'data-code="wrong_password"' in wrong.text) == (403, True)
    assert (
        submit(client, "/panel/account", target, present=PASSWORD, password="another good one").status_code
        == 302
    )
    assert client.get("/panel/account").status_code == 200
    submit(client, "/panel/account", "/logout")
    assert sign_in(client).status_code == 401
    assert sign_in(client, password="another good one").status_code == 302


def test_a_key_made_on_the_page_is_shown_once(app: Flask, client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    sign_in(client)
    page = submit(client, "/panel/account", "/panel/account/keys", name="report", scopes="read").text
    text = page.split('id="new-key">')[1].split("<")[0]
    assert text not in client.get("/panel/account").text
    program = app.test_client()
    assert program.get("/api/v1/keys", headers={"X-API-Key": text}).status_code == 200
    key_id = text.split("_")[1]
    submit(client, "/panel/account", f"/panel/account/keys/{key_id}/revoke")
    assert program.get("/api/v1/keys", headers={"X-API-Key": text}).status_code == 401


@pytest.mark.parametrize(
    "fields",
    [{"scopes": "read", "expires_days": "-1"}, {"scopes": "read", "expires_days": "٣"}, {"name": "all"}],
)
def test_a_form_filled_in_wrongly_makes_no_key_that_lasts_or_may_more_than_was_meant(
    client: FlaskClient, platform: Platform, fields: dict[str, str]
) -> None:
    account = make_account(platform)
    sign_in(client)
    assert submit(client, "/panel/account", "/panel/account/keys", **fields).status_code == 422
    assert list_keys(platform, caller_of(account)) == []


def test_another_browser_is_signed_out_from_this_one(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    elsewhere = app.test_client()
    sign_in(elsewhere)
    sign_in(client)
    page = client.get("/panel/account").text
    target = "/panel/account/sessions/" + page.split('action="/panel/account/sessions/')[1].split('"')[0]
    assert submit(client, "/panel/account", target).status_code == 302
    assert elsewhere.get("/panel/account").status_code == 302
    assert client.get("/panel/account").status_code == 200


def test_whoever_revokes_a_key_is_asked_about_those_it_made(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    sign_in(client)
    for ticked in ({}, {"made_too": "1"}):
        maker, text = create_key(platform, caller_of(account))
        made, _ = create_key(platform, resolve_key(platform, text, ""))
        page = client.get("/panel/account").text
        assert page.count('name="made_too"') == 1
        assert f"flk_{made.key_id}_…" in page
        submit(client, "/panel/account", f"/panel/account/keys/{maker.key_id}/revoke", **ticked)
        left = [row.key_id for row in list_keys(platform, caller_of(account))]
        assert left.count(made.key_id) == (0 if ticked else 1)
        assert maker.key_id not in left


def test_a_new_password_ends_the_api_keys_when_the_box_is_ticked(
    client: FlaskClient, platform: Platform
) -> None:
    account = make_account(platform)
    sign_in(client)
    assert 'name="end_keys"' not in client.get("/panel/account").text
    create_key(platform, caller_of(account))
    page, form = "/panel/account", "/panel/account/password"
    submit(client, page, form, present=PASSWORD, password="another good one")
    assert len(list_keys(platform, caller_of(account))) == 1
    submit(client, page, form, present="another good one", password="a third good one", end_keys="1")
    assert list_keys(platform, caller_of(account)) == []
    assert "todas as chaves de API foram revogadas" in client.get(page).text


def test_a_quota_is_told_on_the_page_and_by_the_api_in_the_reader_s_language(
    settings: Settings, platform: Platform
) -> None:
    client = create_app(
        Platform(settings.model_copy(update={"quota_api_keys": 1, "quota_slugs": 1}))
    ).test_client()
    key = make_key(platform, make_account(platform))
    sign_in(client)
    refused = submit(client, "/panel/account", "/panel/account/keys", name="second", scopes="read")
    assert refused.status_code == 409
    assert "QUOTA_API_KEYS permite 1, e esta conta tem 1: revogue uma chave" in refused.text
    program = client.application.test_client()
    refused = program.post("/api/v1/keys", json={}, headers=key)
    problem = refused.get_json()
    assert (refused.status_code, problem["code"]) == (409, "quota_exceeded")
    assert "QUOTA_API_KEYS allows 1" in problem["detail"]
    made = program.post("/api/v1/redirect-pools", json={"name": "P", "slug": "red1"}, headers=key)
    path = f"/api/v1/redirect-pools/{made.get_json()['id']}"
    assert program.patch(path, json={"slug": "red2"}, headers=key).get_json()["code"] == "quota_exceeded"
    assert program.patch(path, json={"name": "Q", "slug": "red1"}, headers=key).status_code == 200


def test_over_the_api_a_key_ends_those_it_made_when_asked_to(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    boss = make_key(platform, account)
    key = client.post("/api/v1/keys", json={"expires_days": 2}, headers=boss).get_json()
    header = {"Authorization": f"Bearer {key['key']}"}
    made = client.post("/api/v1/keys", json={}, headers=header).get_json()
    assert (made["made_by"], made["expires_at"]) == (key["id"], key["expires_at"])
    refused = client.post("/api/v1/keys", json={"expires_days": 3}, headers=header)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "key_outlives_maker")
    assert client.delete(f"/api/v1/keys/{key['id']}?made_too=perhaps", headers=boss).status_code == 422
    assert client.delete(f"/api/v1/keys/{key['id']}?made_too=true", headers=boss).status_code == 204
    gone = client.get("/api/v1/keys", headers={"Authorization": f"Bearer {made['key']}"})
    assert gone.get_json()["code"] == "key_revoked"
