"""What admins do with accounts: invite, links for a new password, roles, switching off; never the last admin."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import create_app
from models import Account, AuditEvent
from services.core.errors import Conflict, FlotillaError, Forbidden, NotFound
from services.core.times import utc_now
from services.platform.accounts import administration, password_links
from services.platform.accounts.enrolment import reset_two_step
from services.platform.accounts.password_links import use_link
from services.platform.accounts.trail_check import check_trail
from services.platform.platform import Platform
from tests.blueprints.people import PASSWORD, caller_of, make_account, make_key, sign_in, submit
from tests.services.platform.accounts.two_step import set_up

ADMIN, OTHER, NEW = "admin@example.com", "other@example.com", "a new long password"
PAGE = "/panel/admin/accounts"


@pytest.fixture
def app(platform: Platform) -> Flask:
    return create_app(platform)


def kinds(platform: Platform, account_id: int) -> list[tuple[str, str]]:
    with platform.database.reading() as session:
        rows = select(AuditEvent.kind, AuditEvent.actor).where(AuditEvent.account_id == account_id)
        return [(kind, actor) for kind, actor in session.execute(rows.order_by(AuditEvent.sequence))]


def account_of(platform: Platform, email: str) -> Account:
    with platform.database.reading() as session:
        return session.scalars(select(Account).where(Account.email == email)).one()


def shown_link(page: str) -> str:
    found = re.search(r'id="password-link">[^<]*/new-password#([^<]+)<', page)
    assert found, "no link is shown"
    return found[1]


def test_an_invited_person_chooses_a_password_by_a_link_that_works_once(
    app: Flask, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    admin = make_account(platform, ADMIN, admin=True)
    client, person = app.test_client(), app.test_client()
    sign_in(client, ADMIN)
    secret = shown_link(submit(client, PAGE, email="New@example.com").text)
    assert secret not in client.get(PAGE).text
    for words, password, status in (
        (secret[:-1] + ("0" if secret[-1] != "0" else "1"), NEW, 403),
        ("", NEW, 403),
        ("1.1." + "0" * 64, NEW, 403),
        (secret, "short", 422),
        (secret, NEW, 302),
        (secret, NEW, 403),
    ):
        answer = submit(person, "/new-password", code=words, password=password)
        assert (words, answer.status_code) == (words, status)
    assert sign_in(person, "new@example.com", NEW).status_code == 302
    assert person.get("/panel/account").status_code == 200
    made = account_of(platform, "new@example.com")
    assert kinds(platform, made.id) == [
        ("account_created", f"account:{admin.id}"),
        ("password_reset", f"account:{made.id}"),
        ("signed_in", f"account:{made.id}"),
    ]
    assert submit(client, PAGE, email="new@example.com").status_code == 409
    assert secret not in caplog.text
    assert check_trail(platform).broken == ()


def test_a_link_ends_after_a_day_with_any_new_password_and_while_the_account_is_off(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, other = make_account(platform, ADMIN, admin=True), make_account(platform, OTHER)
    boss = caller_of(admin)
    _, first = administration.make_password_link(platform, boss, other.id)
    _, second = administration.make_password_link(platform, boss, other.id)
    administration.switch_account(platform, boss, other.id, is_active=False)
    with pytest.raises(Forbidden):
        use_link(platform, first, NEW, "")
    with pytest.raises(Conflict):
        administration.make_password_link(platform, boss, other.id)
    administration.switch_account(platform, boss, other.id, is_active=True)
    with monkeypatch.context() as later:
        later.setattr(password_links, "utc_now", lambda: utc_now() + timedelta(hours=25))
        with pytest.raises(Forbidden):
            use_link(platform, first, NEW, "")
    use_link(platform, first, NEW, "192.0.2.7")
    with pytest.raises(Forbidden):
        use_link(platform, second, NEW, "")


def test_a_link_that_resets_two_step_sign_in_lets_in_who_lost_the_app_once_and_no_other_link_does(
    app: Flask, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    make_account(platform, ADMIN, admin=True)
    other = make_account(platform, OTHER)
    client, person = app.test_client(), app.test_client()
    sign_in(client, ADMIN)
    page, target = {"Accept-Language": "en"}, f"{PAGE}/{other.id}/link"
    assert "Reset two-step" not in client.get(PAGE, headers=page).text
    refused = submit(client, PAGE, target, two_step="1")
    assert (refused.status_code, 'data-code="two_step_off"' in refused.text) == (409, True)
    set_up(platform, other)
    assert "Reset two-step" in client.get(PAGE, headers=page).text
    plain = shown_link(submit(client, PAGE, target).text)
    forged = plain[::-1].replace(".", ".two-step."[::-1], 1)[::-1]
    assert submit(person, "/new-password", code=forged, password=NEW).status_code == 403
    assert submit(person, "/new-password", code=plain, password=NEW).status_code == 302
    assert "/login/code" in sign_in(person, OTHER, NEW).location, "a new password leaves two-step sign-in on"
    secret = shown_link(submit(client, PAGE, target, two_step="1").text)
    assert (
        submit(person, "/new-password", code=secret.replace(".two-step", ""), password=NEW).status_code == 403
    )
    assert submit(person, "/new-password", code=secret, password=PASSWORD).status_code == 302
    assert submit(person, "/new-password", code=secret, password=NEW).status_code == 403
    assert "/login/code" not in sign_in(person, OTHER, PASSWORD).location
    assert person.get("/panel/account").status_code == 200
    told = [kind for kind, _ in kinds(platform, other.id)]
    assert told[1:] == [
        "two_step_enabled",
        "password_link_made",
        "password_reset",
        "two_step_link_made",
        "password_reset",
        "two_step_reset",
        "signed_in",
    ]
    assert secret not in caplog.text
    assert check_trail(platform).broken == ()


def test_a_link_that_resets_two_step_sign_in_is_worthless_once_that_was_set_up_anew(
    platform: Platform,
) -> None:
    boss, other = caller_of(make_account(platform, ADMIN, admin=True)), make_account(platform, OTHER)
    for change in (lambda: None, lambda: set_up(platform, other)):
        set_up(platform, other)
        _, secret = administration.make_password_link(platform, boss, other.id, resets_two_step=True)
        reset_two_step(platform, OTHER)
        change()
        with pytest.raises(Forbidden):
            use_link(platform, secret, NEW, "")


def test_who_is_switched_off_is_signed_out_and_locked_out_until_switched_on(
    app: Flask, platform: Platform
) -> None:
    make_account(platform, ADMIN, admin=True)
    other = make_account(platform, OTHER)
    key = make_key(platform, other)
    client, theirs, program = app.test_client(), app.test_client(), app.test_client()
    sign_in(client, ADMIN)
    sign_in(theirs, OTHER)
    assert program.get("/api/v1/bots", headers=key).status_code == 200
    assert submit(client, PAGE, f"{PAGE}/{other.id}/state", is_active="0").status_code == 302
    assert theirs.get("/panel/account").status_code == 302
    assert program.get("/api/v1/bots", headers=key).status_code == 401
    assert sign_in(app.test_client(), OTHER).status_code == 401
    assert "switched off" in client.get(PAGE, headers={"Accept-Language": "en"}).text
    admin = account_of(platform, ADMIN)
    refused = submit(client, PAGE, f"{PAGE}/{admin.id}/state", is_active="0")
    assert (refused.status_code, 'data-code="last_admin"' in refused.text) == (409, True)
    submit(client, PAGE, f"{PAGE}/{other.id}/state", is_active="1")
    assert program.get("/api/v1/bots", headers=key).status_code == 200
    assert sign_in(theirs, OTHER, PASSWORD).status_code == 302


def test_to_everybody_but_admins_the_accounts_are_not_there(app: Flask, platform: Platform) -> None:
    make_account(platform, ADMIN, admin=True)
    other = make_account(platform, OTHER)
    client = app.test_client()
    sign_in(client, OTHER)
    assert client.get(PAGE).status_code == client.get("/panel/admin/activity").status_code == 403
    for work in ("state", "role", "link"):
        target = f"{PAGE}/{other.id}/{work}"
        assert submit(client, "/panel/account", target, is_admin="1").status_code == 404
    assert submit(client, "/panel/account", PAGE, email="x@example.com").status_code == 403
    me = caller_of(other)
    for attempt in (
        lambda: administration.set_role(platform, me, other.id, is_admin=True),
        lambda: administration.switch_account(platform, me, other.id, is_active=False),
        lambda: administration.make_password_link(platform, me, other.id),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert not account_of(platform, OTHER).is_admin


@pytest.mark.data
def test_two_admins_who_lock_each_other_out_at_once_leave_one(platform: Platform) -> None:
    admins = [make_account(platform, email, admin=True) for email in (ADMIN, OTHER)]

    def demote(number: int) -> str:
        actor, target = caller_of(admins[number]), admins[1 - number].id
        try:
            if number:
                administration.switch_account(platform, actor, target, is_active=False)
            else:
                administration.set_role(platform, actor, target, is_admin=False)
        except FlotillaError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, (0, 1))) == ["done", "last_admin"]
    left = [row.account for row in administration.list_account_rows(platform, caller_of(admins[0]))]
    assert len([account for account in left if account.is_admin and account.is_active]) == 1
    assert check_trail(platform).broken == ()
