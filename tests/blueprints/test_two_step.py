"""Two-step sign-in in the browser: set up, asked for after the password and before what is sensitive, and required of admins."""

from __future__ import annotations

import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from models import Account, AccountSession, AuditEvent, Base, SecondFactor
from services.platform.accounts.accounts import reset_password
from services.platform.accounts.api_keys import list_keys
from services.platform.accounts.enrolment import disable, reset_two_step
from services.platform.accounts.second_factor import unsealed
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
from tests.services.fleet.pools.fleet import new_bot, new_pool
from tests.services.platform.accounts.two_step import app_code, set_up, wait_for_the_next_code
from web.second_step import HALF_SIGNED_IN

ACCOUNT, PAGE, CODE = "/panel/account", "/panel/account/two-step", "/login/code"
CODES_PER_PERSON, CODES_PER_ACCOUNT = 10, 30


@pytest.fixture
def account(platform: Platform) -> Account:
    return make_account(platform)


def recovery_codes(page: str) -> list[str]:
    return re.findall(r"<li><code>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</code>", page)


def type_code(client: FlaskClient, platform: Platform, account: Account) -> TestResponse:
    wait_for_the_next_code(platform)
    return submit(client, CODE, code=app_code(platform, account))


def signed_in_with_code(app: Flask, platform: Platform, account: Account) -> FlaskClient:
    client = app.test_client()
    assert sign_in(client, account.email).headers["Location"] == CODE
    assert type_code(client, platform, account).status_code == 302
    return client


def half_is_kept(client: FlaskClient) -> bool:
    with client.session_transaction() as session:
        return HALF_SIGNED_IN in session


def test_an_app_is_set_up_and_its_secret_is_seen_by_nobody_else_and_nowhere_later(
    client: FlaskClient, platform: Platform, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sign_in(client)
    assert "Desativada." in client.get(ACCOUNT).text
    assert submit(client, PAGE, f"{PAGE}/app").headers["Location"] == PAGE
    with platform.database.reading() as session:
        secret = unsealed(platform.vault, session.get_one(SecondFactor, account.id))
    page = client.get(PAGE).text
    assert " ".join(secret[at : at + 4] for at in range(0, 32, 4)) in page
    assert "data:image/svg+xml;base64," in page
    wrong = submit(client, PAGE, f"{PAGE}/on", code="12345")
    assert (wrong.status_code, 'data-code="wrong_code"' in wrong.text) == (403, True)
    code = app_code(platform, account)
    done = submit(client, PAGE, f"{PAGE}/on", code=f"{code[:3]} {code[3:]}")
    codes = recovery_codes(done.text)
    assert len(codes) == 10
    later = [client.get(path).text for path in (PAGE, ACCOUNT, "/panel", "/api/v1/keys")]
    assert "Restam 10 códigos de recuperação" in later[1]
    with platform.database.reading() as session:
        rows = [str(session.execute(select(table)).all()) for table in Base.metadata.tables.values()]
    redis = [str(platform.redis.dump(name)) for name in platform.redis.keys("*")] + platform.redis.keys("*")
    for canary in (secret, *codes, *(text.replace("-", "") for text in codes)):
        assert not any(canary in text for text in (*later, *rows, *redis, caplog.text))
    assert not any(
        secret[at : at + 4] + " " + secret[at + 4 : at + 8] in text for text in later for at in (0, 8)
    )
    assert submit(client, PAGE, f"{PAGE}/on", code=code).status_code == 409


def test_between_password_and_code_a_browser_can_do_nothing_but_type_it(
    app: Flask, client: FlaskClient, platform: Platform, account: Account
) -> None:
    set_up(platform, account)
    asked = submit(client, "/login?next=/panel/bots", email=account.email, password=PASSWORD, remember="1")
    assert asked.headers["Location"] == f"{CODE}?next=/panel/bots"
    page = client.get(CODE).text
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    assert 'inputmode="numeric"' not in client.get(f"{CODE}?with=recovery").text
    for path in ("/panel", ACCOUNT, PAGE, "/login/confirm"):
        assert client.get(path).headers["Location"].startswith("/login?next="), path
    assert client.get("/api/v1/bots").status_code == 401
    wrong = submit(client, CODE, code="000000x")
    assert (wrong.status_code, "O código está errado" in wrong.text) == (403, True)
    wait_for_the_next_code(platform)
    code = app_code(platform, account)
    done = submit(client, f"{CODE}?next=/panel/bots", code=code)
    assert done.headers["Location"] == "/panel/bots"
    assert "Expires" in done.headers["Set-Cookie"], "remembered, as was ticked beside the password"
    assert not half_is_kept(client)
    with platform.database.reading() as session:
        assert [row.is_remembered for row in session.scalars(select(AccountSession))] == [True]
    second = app.test_client()
    sign_in(second)
    used = submit(second, CODE, code=code)
    assert (used.status_code, 'data-code="code_used"' in used.text) == (403, True)


@pytest.mark.parametrize("ends", ["late", "password", "reset", "off"])
def test_a_half_sign_in_ends_by_itself_and_with_what_it_rests_on(
    client: FlaskClient, platform: Platform, account: Account, ends: str
) -> None:
    recovery = set_up(platform, account)
    sign_in(client)
    token = csrf_token(client, CODE)
    if ends == "late":
        with client.session_transaction() as session:
            session[HALF_SIGNED_IN]["at"] -= 601
            session.modified = True
    elif ends == "password":
        reset_password(platform, account.email, "another good one")
    elif ends == "reset":
        reset_two_step(platform, account.email)
    else:
        disable(platform, caller_of(account), recovery[0])
    answer = client.post(CODE, data={"csrf_token": token, "code": recovery[1]})
    assert (answer.status_code, 'data-code="sign_in_expired"' in answer.text) == (401, True)
    assert client.get(ACCOUNT).status_code == 302
    if ends in ("late", "password"):
        assert client.get(f"{CODE}?next=/panel/bots").headers["Location"] == "/login?next=/panel/bots"


def test_a_forged_or_foreign_half_sign_in_opens_nothing(
    client: FlaskClient, platform: Platform, account: Account
) -> None:
    set_up(platform, account)
    other = make_account(platform, "other@example.com")
    recovery = set_up(platform, other)
    sign_in(client)
    refused = submit(client, CODE, code=recovery[0], email=other.email, account_id=str(other.id))
    assert refused.status_code == 403
    assert client.get("/panel").status_code == 302
    assert client.post(CODE, data={"code": recovery[0]}).status_code == 400, "without the form's token"


def test_guesses_at_codes_are_stopped_for_the_person_and_for_the_account(
    app: Flask, client: FlaskClient, platform: Platform, account: Account
) -> None:
    known = signed_in_with_code(app, platform, account) if set_up(platform, account) else client
    submit(known, ACCOUNT, "/logout")

    def guess(browser: FlaskClient, token: str, code: str = "x") -> TestResponse:
        return browser.post(CODE, data={"csrf_token": token, "code": code, "email": "other@example.com"})

    for number in range(CODES_PER_ACCOUNT // CODES_PER_PERSON):
        browser = app.test_client()
        browser.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        sign_in(browser)
        token = csrf_token(browser, CODE)
        assert {guess(browser, token).status_code for _ in range(CODES_PER_PERSON)} == {403}
    refused = guess(browser, token, app_code(platform, account))
    assert refused.status_code == 429
    assert "Tente de novo em 15 minutos." in refused.text
    assert "accounts reset-two-step" in refused.text
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.1"
    sign_in(elsewhere)
    assert guess(elsewhere, csrf_token(elsewhere, CODE)).status_code == 429
    sign_in(known)  # a browser that was signed in before is not held up by what others do
    assert type_code(known, platform, account).status_code == 302
    header = {"X-CSRFToken": csrf_token(known, ACCOUNT)}
    off = [known.post(f"{PAGE}/off", data={"code": "x"}, headers=header) for _ in range(CODES_PER_PERSON + 1)]
    assert [answer.status_code for answer in off] == [403] * CODES_PER_PERSON + [429]


def test_what_is_sensitive_asks_for_a_code_when_the_last_is_half_an_hour_old(
    app: Flask, platform: Platform, account: Account
) -> None:
    recovery = set_up(platform, account)
    bot, pool = new_bot(platform, caller_of(account)), new_pool(platform, caller_of(account), "red1")
    client = signed_in_with_code(app, platform, account)
    let_grow_stale(client, 29)
    header = {"X-CSRFToken": csrf_token(client, ACCOUNT)}
    assert client.post("/api/v1/keys", json={"name": "first"}, headers=header).status_code == 201
    let_grow_stale(client, 2)
    script = {**header, "Accept": "application/json"}
    for refused in (
        client.delete(f"/api/v1/bots/{bot.id}", headers=header),
        client.delete(f"/api/v1/redirect-pools/{pool.id}", headers=header),
        client.put(f"/api/v1/bots/{bot.id}/token", json={"token": f"1:{'A' * 24}"}, headers=header),
        client.post("/api/v1/keys", json={}, headers=header),
    ):
        assert refused.json is not None
        assert (refused.status_code, refused.json["code"]) == (403, "fresh_sign_in_required")
        assert refused.json["detail"] == "Digite um código do aplicativo para continuar"
    page = client.get("/login/confirm?next=/panel/bots").text
    assert 'name="code"' in page
    assert 'type="password"' not in page
    by_password = client.post("/login/confirm", data={"password": PASSWORD}, headers=script)
    assert by_password.status_code == 403, "the password alone is no second factor"
    assert client.post("/login/confirm", data={"code": recovery[0]}, headers=script).status_code == 204
    assert client.delete(f"/api/v1/redirect-pools/{pool.id}", headers=header).status_code == 204
    assert client.delete(f"/api/v1/bots/{bot.id}", headers=header).status_code == 204
    key = make_key(platform, account)
    assert client.post("/api/v1/keys", json={"name": "by key"}, headers=key).status_code == 201
    assert len(list_keys(platform, caller_of(account))) == 3


def test_an_admin_who_must_have_it_can_only_set_it_up(platform: Platform) -> None:
    strictly = {"require_totp_for_admins": True, "metrics_token": SecretStr("for a program alone")}
    strict = Platform(platform.settings.model_copy(update=strictly))
    app = create_app(strict)
    boss = make_account(strict, "boss@example.com", admin=True)
    make_account(strict)
    client, other = app.test_client(), app.test_client()
    sign_in(client, boss.email)
    sign_in(other)
    assert other.get("/panel").status_code == 200, "only admins must"
    for path in ("/panel", ACCOUNT, "/panel/bots", "/metrics"):
        assert client.get(path).headers["Location"] == PAGE, path
    header = {"X-CSRFToken": csrf_token(client, PAGE)}
    refused = client.post("/api/v1/keys", json={}, headers=header)
    assert refused.json is not None
    assert (refused.status_code, refused.json["code"]) == (403, "two_step_required")
    assert client.get("/api/v1/keys", headers=make_key(strict, boss)).status_code == 200, "keys are not asked"
    page = client.get(PAGE).text
    assert "administradores" in page
    assert 'action="/logout"' in page
    let_grow_stale(client)
    stale = submit(client, PAGE, f"{PAGE}/app")
    assert stale.headers["Location"] == f"/login/confirm?next={PAGE}"
    submit(client, stale.headers["Location"], password=PASSWORD)
    submit(client, PAGE, f"{PAGE}/app")
    assert submit(client, PAGE, f"{PAGE}/on", code=app_code(strict, boss)).status_code == 200
    assert client.get("/panel").status_code == 200
    assert client.get("/metrics").status_code == 200
    wait_for_the_next_code(strict)
    assert submit(client, PAGE, f"{PAGE}/off", code=app_code(strict, boss)).status_code == 302
    assert client.get("/panel").headers["Location"] == PAGE
    strict.database.dispose()


def test_recovery_codes_are_renewed_and_it_is_turned_off_with_a_code_in_the_browser(
    app: Flask, platform: Platform, account: Account
) -> None:
    former = set_up(platform, account)
    client = signed_in_with_code(app, platform, account)
    refused = submit(client, PAGE, f"{PAGE}/off", code=PASSWORD)
    assert (refused.status_code, 'data-code="wrong_code"' in refused.text) == (403, True)
    renewed = recovery_codes(submit(client, PAGE, f"{PAGE}/recovery-codes", code=former[0]).text)
    assert len(renewed) == 10
    assert not set(renewed) & set(former)
    assert submit(client, PAGE, f"{PAGE}/app").status_code == 409
    off = submit(client, PAGE, f"{PAGE}/off", code=renewed[0])
    assert off.headers["Location"] == ACCOUNT
    assert "desativada" in client.get(ACCOUNT).text
    assert sign_in(app.test_client()).headers["Location"] == "/panel"


def test_two_step_sign_in_is_reset_at_the_server(app: Flask, platform: Platform, account: Account) -> None:
    set_up(platform, account)
    client = signed_in_with_code(app, platform, account)
    runner = app.test_cli_runner()
    done = runner.invoke(args=["accounts", "reset-two-step", "Owner@example.com"])
    assert (done.exit_code, done.stdout) == (0, "owner@example.com: two-step sign-in is off\n")
    assert client.get(ACCOUNT).status_code == 302
    assert sign_in(client).headers["Location"] == "/panel"
    again = runner.invoke(args=["accounts", "reset-two-step", "owner@example.com"])
    assert (again.exit_code, "no two-step sign-in" in again.output) == (1, True)
    with platform.database.reading() as session:
        found = session.scalars(select(AuditEvent).where(AuditEvent.kind == "two_step_reset")).all()
    assert [(event.account_id, event.actor) for event in found] == [(account.id, "command")]
