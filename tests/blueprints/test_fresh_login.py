"""The password is asked for again before what it protects: on a page of its own, or by a script's problem document."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from models import AuditEvent, Bot
from services.platform.accounts.api_keys import list_keys
from services.platform.platform import Platform
from tests.blueprints.people import (
    PASSWORD,
    caller_of,
    csrf_token,
    let_grow_stale,
    make_account,
    make_key,
    sign_in,
    submit,
)
from tests.services.fleet.pools.fleet import new_bot

PAGE = "/panel/account"
CONFIRM = "/login/confirm"
KEYS = "/api/v1/keys"
SCRIPT = {"Accept": "application/json"}


MAX_GUESSES = 10  # in 15 minutes


def stale(client: FlaskClient, platform: Platform) -> dict[str, str]:
    """Sign in, long ago; the header with the CSRF token."""
    sign_in(client, remember=True)
    let_grow_stale(client)
    return {"X-CSRFToken": csrf_token(client, PAGE)}


def bots(platform: Platform) -> list[int]:
    with platform.database.reading() as session:
        return list(session.scalars(select(Bot.id)))


def test_a_key_asked_for_long_after_the_sign_in_costs_the_password_and_nothing_typed_is_lost(
    client: FlaskClient, platform: Platform
) -> None:
    account = make_account(platform)
    stale(client, platform)
    asked = submit(client, PAGE, f"{PAGE}/keys", name="Relatório & mais", expires_days="90", scopes="read")
    there = urlsplit(asked.headers["Location"])
    assert (asked.status_code, there.path) == (302, CONFIRM)
    assert list_keys(platform, caller_of(account)) == []
    confirmed = submit(client, asked.headers["Location"], password=PASSWORD)
    back = urlsplit(confirmed.headers["Location"])
    assert (confirmed.status_code, back.path, back.fragment) == (302, PAGE, "keys-title")
    assert parse_qs(back.query) == {"name": ["Relatório & mais"], "expires_days": ["90"], "scopes": ["read"]}
    page = client.get(confirmed.headers["Location"]).text
    assert 'value="Relatório &amp; mais"' in page
    assert 'value="90"' in page
    assert 'value="read" checked' in page
    assert 'value="write" checked' not in page
    made = submit(client, PAGE, f"{PAGE}/keys", name="Relatório", scopes="read")
    assert made.status_code == 200
    assert [row.name for row in list_keys(platform, caller_of(account))] == ["Relatório"]


def test_a_key_is_replaced_only_freshly_and_both_hold_meanwhile(
    client: FlaskClient, platform: Platform
) -> None:
    account = make_account(platform)
    key = make_key(platform, account)
    header = stale(client, platform)
    [row] = list_keys(platform, caller_of(account))
    asked = client.post(f"{PAGE}/keys/{row.key_id}/rotate", headers=header)
    assert asked.headers["Location"] == "/login/confirm?next=/panel/account%23keys-title"
    submit(client, CONFIRM, password=PASSWORD)
    page = client.post(f"{PAGE}/keys/{row.key_id}/rotate", headers=header)
    [old, new] = list_keys(platform, caller_of(account))
    assert page.status_code == 200
    assert f"flk_{new.key_id}_" in page.text
    assert old.replaced_by == new.key_id
    assert client.post(f"{PAGE}/keys/{row.key_id}/rotate", headers=header).status_code == 409
    again = client.post(f"{KEYS}/{new.key_id}/rotate", json={"overlap_hours": 0}, headers=key).get_json()
    successor = {"Authorization": f"Bearer {again['key']}"}
    shown = {
        item["id"]: item["replaced_by"] for item in client.get(KEYS, headers=successor).get_json()["items"]
    }
    assert shown == {old.key_id: new.key_id, new.key_id: again["id"], again["id"]: None}


def test_a_key_is_revoked_only_freshly(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    key = make_key(platform, account)
    header = stale(client, platform)
    [row] = list_keys(platform, caller_of(account))
    asked = client.post(f"{PAGE}/keys/{row.key_id}/revoke", headers=header)
    assert asked.headers["Location"] == "/login/confirm?next=/panel/account%23keys-title"
    assert client.get(KEYS, headers=key).status_code == 200
    submit(client, CONFIRM, password=PASSWORD)
    assert client.post(f"{PAGE}/keys/{row.key_id}/revoke", headers=header).headers["Location"] == PAGE
    assert client.get(KEYS, headers=key).status_code == 401


def test_a_password_is_changed_only_freshly_and_no_password_goes_into_an_address(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    header = stale(client, platform)
    page = client.get(PAGE).text
    assert 'name="present"' not in page
    assert "/login/confirm?next=/panel/account%23password-title" in page
    typed = {"present": PASSWORD, "password": "another good one"}
    asked = client.post(f"{PAGE}/password", data=typed, headers=header)
    assert asked.status_code == 302
    assert asked.headers["Location"] == "/login/confirm?next=/panel/account%23password-title"
    assert sign_in(app.test_client(), password="another good one").status_code == 401
    submit(client, CONFIRM, password=PASSWORD)
    assert 'name="present"' in client.get(PAGE).text
    changed = client.post(f"{PAGE}/password", data=typed, headers=header)
    assert changed.headers["Location"] == PAGE
    assert sign_in(app.test_client(), password="another good one").status_code == 302


def test_a_script_is_told_by_a_stable_code_and_goes_on_after_the_password(
    client: FlaskClient, platform: Platform
) -> None:
    account = make_account(platform)
    make_key(platform, account)
    bot = new_bot(platform, caller_of(account))
    header = stale(client, platform)
    for refused in (
        client.delete(f"/api/v1/bots/{bot.id}", headers=header),
        client.post(KEYS, json={}, headers=header),
        client.delete(f"{KEYS}/{list_keys(platform, caller_of(account))[0].key_id}", headers=header),
    ):
        assert refused.json is not None
        assert (refused.status_code, refused.json["code"]) == (403, "fresh_sign_in_required")
        assert refused.json["detail"] == "Digite sua senha de novo para continuar"
    assert bots(platform) == [bot.id]
    confirmed = client.post(CONFIRM, data={"password": PASSWORD}, headers={**header, **SCRIPT})
    assert (confirmed.status_code, confirmed.data) == (204, b"")
    assert client.delete(f"/api/v1/bots/{bot.id}", headers=header).status_code == 204
    assert client.post(KEYS, json={}, headers=header).status_code == 201
    assert bots(platform) == []


def test_a_key_is_never_asked_for_a_password(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    bot = new_bot(platform, caller_of(account))
    key = make_key(platform, account)
    assert client.post(KEYS, json={}, headers=key).status_code == 201
    stale(client, platform)  # nor with a stale cookie beside it
    assert client.delete(f"/api/v1/bots/{bot.id}", headers=key).status_code == 204


def test_what_the_password_does_not_protect_goes_on_without_it(
    client: FlaskClient, platform: Platform
) -> None:
    account = make_account(platform)
    bot = new_bot(platform, caller_of(account))
    header = stale(client, platform)
    assert client.get(PAGE).status_code == 200
    assert client.patch(f"/api/v1/bots/{bot.id}", json={"name": "Same"}, headers=header).status_code == 200


@pytest.mark.parametrize(("minutes", "status"), [(14, 204), (16, 403)])
def test_a_sign_in_is_fresh_for_a_quarter_of_an_hour(
    client: FlaskClient, platform: Platform, minutes: float, status: int
) -> None:
    bot = new_bot(platform, caller_of(make_account(platform)))
    sign_in(client)
    let_grow_stale(client, minutes)
    header = {"X-CSRFToken": csrf_token(client, PAGE)}
    assert client.delete(f"/api/v1/bots/{bot.id}", headers=header).status_code == status


def test_use_keeps_no_sign_in_fresh(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    sign_in(client)
    for _ in range(2):
        let_grow_stale(client, 8)
        client.get(PAGE)
    assert 'name="present"' not in client.get(PAGE).text


def test_a_copied_cookie_stays_stale_when_its_owner_confirms(
    app: Flask, client: FlaskClient, platform: Platform
) -> None:
    """Also one copied while it was fresh: freshness is the cookie's own, not the session's."""
    bot = new_bot(platform, caller_of(make_account(platform)))
    sign_in(client)
    let_grow_stale(client)
    copied = client.get_cookie("flotilla")
    assert copied is not None
    submit(client, CONFIRM, password=PASSWORD)
    assert 'name="present"' in client.get(PAGE).text
    thief = app.test_client()
    thief.set_cookie("flotilla", copied.value)
    header = {"X-CSRFToken": csrf_token(thief, PAGE)}
    assert thief.delete(f"/api/v1/bots/{bot.id}", headers=header).status_code == 403


def test_a_wrong_password_is_told_on_the_page_and_to_the_script(
    client: FlaskClient, platform: Platform
) -> None:
    make_account(platform)
    make_account(platform, "other@example.com")
    header = stale(client, platform)
    wrong = submit(client, f"{CONFIRM}?next=/panel/bots", password="not the password")
    assert wrong.status_code == 403
    assert 'data-code="wrong_password"' in wrong.text
    assert "A senha está errada" in wrong.text
    assert 'href="/panel/bots"' in wrong.text
    told = client.post(CONFIRM, data={"password": ""}, headers={**header, **SCRIPT})
    assert told.json is not None
    assert (told.status_code, told.json["code"], told.json["field"]) == (403, "wrong_password", "password")
    assert 'name="present"' not in client.get(PAGE).text


def test_only_ones_own_password_confirms(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    make_account(platform, "other@example.com")
    submit(client, "/login", email="other@example.com", password=PASSWORD)
    submit(client, PAGE, f"{PAGE}/password", present=PASSWORD, password="quite another one")
    let_grow_stale(client)
    assert submit(client, CONFIRM, email="owner@example.com", password=PASSWORD).status_code == 403
    assert submit(client, CONFIRM, password="quite another one").status_code == 302


def test_guesses_at_a_signed_in_browser_are_bounded(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    header = {**stale(client, platform), **SCRIPT}
    guesses = [client.post(CONFIRM, data={"password": "x"}, headers=header) for _ in range(MAX_GUESSES + 1)]
    assert [answer.status_code for answer in guesses] == [403] * MAX_GUESSES + [429]
    assert 0 < int(guesses[-1].headers["Retry-After"]) <= 901
    assert client.post(CONFIRM, data={"password": PASSWORD}, headers=header).status_code == 429


def test_the_page_needs_its_token_and_a_session(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    assert client.get(f"{CONFIRM}?next=/panel/bots").headers["Location"].startswith("/login?next=")
    assert client.post(CONFIRM, data={"password": PASSWORD}).status_code == 302
    stale(client, platform)
    refused = client.post(CONFIRM, data={"password": PASSWORD})
    assert refused.status_code == 400
    assert 'name="present"' not in client.get(PAGE).text
    # A form of another site gets no further than the token, and puts nothing into an address of ours.
    assert client.post(f"{PAGE}/keys", data={"name": "evil", "scopes": "write"}).status_code == 400


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/panel/bots?page=2", "/panel/bots?page=2"),
        ("/panel/account#keys-title", "/panel/account#keys-title"),
        ("//evil.example", "/panel"),
        ("/\\evil.example", "/panel"),
        ("https://evil.example/", "/panel"),
        ("javascript:alert(1)", "/panel"),
        ("", "/panel"),
    ],
)
def test_afterwards_one_is_led_only_to_this_site(
    client: FlaskClient, platform: Platform, target: str, leads_to: str
) -> None:
    make_account(platform)
    token = stale(client, platform)
    shown = client.get(CONFIRM, query_string={"next": target})
    assert f'<a class="btn" href="{leads_to}">' in shown.text
    answer = client.post(CONFIRM, query_string={"next": target}, data={"password": PASSWORD}, headers=token)
    assert answer.headers["Location"] == leads_to
    # And whoever is fresh already is not asked at all.
    assert client.get(CONFIRM, query_string={"next": target}).headers["Location"] == leads_to


def test_a_confirmed_password_stands_in_the_audit_trail(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    stale(client, platform)
    submit(client, CONFIRM, password="wrong")
    submit(client, CONFIRM, password=PASSWORD)
    with platform.database.reading() as session:
        found = session.scalars(select(AuditEvent).where(AuditEvent.kind == "password_confirmed")).all()
    assert [event.account_id for event in found] == [account.id]


def test_english_readers_are_asked_in_english(client: FlaskClient, platform: Platform) -> None:
    make_account(platform)
    stale(client, platform)
    client.set_cookie("flotilla_locale", "en")
    assert "Type your password again" in client.get(CONFIRM).text
