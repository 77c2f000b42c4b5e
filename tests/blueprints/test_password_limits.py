"""Guesses at passwords: how many, and that nobody else's lock the owner of an account out."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.core.settings import Settings
from services.platform.accounts import sessions
from services.platform.accounts.accounts import reset_password
from services.platform.platform import Platform
from tests.blueprints.people import PASSWORD, csrf_token, make_account, sign_in, submit
from web import password_limits

OWNER = "owner@example.com"
PER_PERSON, PER_ADDRESS, PER_ACCOUNT = 10, 30, 100


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Passwords are compared without argon2, which a hundred guesses would wait for; those that were tried."""
    tried: list[str] = []

    def matches(known: str | None, password: str) -> bool:
        tried.append(password)
        return known is not None and password == PASSWORD

    monkeypatch.setattr(sessions, "password_matches", matches)
    return tried


class Browser:
    """A browser at an address, which keeps its cookies."""

    def __init__(self, app: Flask, address: str) -> None:
        self.client = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = address
        self._token = csrf_token(self.client)

    def guess(self, password: str = "wrong", email: str = OWNER) -> int:
        """Try to sign in; the status."""
        form = {"csrf_token": self._token, "email": email, "password": password}
        return self.client.post("/login", data=form).status_code

    def sign_in(self, email: str = OWNER) -> int:
        """Sign in and out again."""
        status = sign_in(self.client, email).status_code
        if status == 302:
            submit(self.client, "/panel/account", "/logout")
            self._token = csrf_token(self.client)
        return status


@pytest.fixture(autouse=True)
def owner(platform: Platform) -> None:
    make_account(platform)


def test_guesses_at_one_account_from_one_address_are_stopped_even_with_the_right_password(
    app: Flask, quick: list[str]
) -> None:
    guesser = Browser(app, "192.0.2.1")
    assert [guesser.guess() for _ in range(PER_PERSON)] == [401] * PER_PERSON
    assert guesser.guess(PASSWORD) == Browser(app, "192.0.2.1").guess(PASSWORD) == 429
    assert len(quick) == PER_PERSON


def test_the_refused_are_told_when_to_come_back(client: FlaskClient) -> None:
    answers = [sign_in(client, password="not the password") for _ in range(PER_PERSON + 1)]
    assert answers[-1].status_code == 429
    assert 890 < int(answers[-1].headers["Retry-After"]) <= 900
    assert "Tente de novo em 15 minutos." in answers[-1].text
    assert "accounts password" in answers[-1].text
    assert "accounts password" in client.get("/login").text, "the way out of a lost password"
    assert answers[-1].headers["X-RateLimit-Limit"] == str(PER_PERSON)
    assert answers[-1].headers["X-RateLimit-Remaining"] == "0"


def test_guesses_at_one_place_do_not_lock_the_owner_out_at_another(app: Flask) -> None:
    guesser, owner = Browser(app, "192.0.2.1"), Browser(app, "198.51.100.1")
    assert [guesser.guess() for _ in range(PER_PERSON + 1)][-1] == 429
    assert owner.sign_in() == 302


def test_guesses_from_everywhere_are_stopped_and_a_known_browser_still_gets_in(app: Flask) -> None:
    owner = Browser(app, "198.51.100.1")
    assert owner.sign_in() == 302
    botnet = [Browser(app, f"192.0.2.{host}") for host in range(PER_ACCOUNT // PER_PERSON + 1)]
    statuses = [browser.guess() for browser in botnet for _ in range(PER_PERSON)]
    assert (statuses.count(401), statuses.count(429)) == (PER_ACCOUNT, PER_PERSON)
    assert Browser(app, "198.51.100.1").guess(PASSWORD) == 429
    assert owner.sign_in() == 302


def test_a_neighbour_behind_the_same_address_does_not_lock_a_known_browser_out(app: Flask) -> None:
    owner, neighbour = Browser(app, "192.0.2.1"), Browser(app, "192.0.2.1")
    assert owner.sign_in() == 302
    for number in range(PER_ADDRESS + 1):
        neighbour.guess(email=f"{number}@example.com")
    assert neighbour.guess() == 429
    assert owner.sign_in() == 302


def test_a_known_browser_may_not_guess_without_end_either(app: Flask) -> None:
    browser = Browser(app, "192.0.2.1")
    assert browser.sign_in() == 302
    assert [browser.guess() for _ in range(PER_PERSON + 1)] == [401] * PER_PERSON + [429]
    browser.client.environ_base["REMOTE_ADDR"] = "192.0.2.2"
    assert browser.guess(PASSWORD) == 429


def test_a_browser_is_known_to_an_account_until_its_password_changes_and_to_no_other(
    app: Flask, platform: Platform
) -> None:
    make_account(platform, "other@example.com")
    browser = Browser(app, "192.0.2.1")
    assert browser.sign_in() == browser.sign_in("other@example.com") == 302
    for host in range(PER_ACCOUNT // PER_PERSON):
        for email in (OWNER, "other@example.com", "third@example.com"):
            guesser = Browser(app, f"198.51.100.{host}")
            for _ in range(PER_PERSON):
                guesser.guess(email=email)
    assert browser.guess(email="third@example.com") == 429
    assert browser.sign_in() == browser.sign_in("other@example.com") == 302
    reset_password(platform, OWNER, "a new long password")
    assert browser.guess(PASSWORD) == 429
    assert browser.sign_in("other@example.com") == 302


@pytest.mark.parametrize("cookie", ["", "x", "WyJhIixbImIiXV0.aaaa.bbbb", "é"])
def test_a_cookie_that_is_not_ours_makes_no_browser_known(app: Flask, cookie: str) -> None:
    guesser = Browser(app, "192.0.2.1")
    for _ in range(PER_PERSON):
        guesser.guess()
    guesser.client.set_cookie(password_limits.COOKIE, cookie)
    assert guesser.guess(PASSWORD) == 429


def test_guesses_from_one_address_are_stopped_over_all_accounts(app: Flask) -> None:
    guesser = Browser(app, "192.0.2.7")
    for number in range(PER_ADDRESS):
        assert guesser.guess(email=f"{number}@example.com") == 401
    assert guesser.guess(email="fresh@example.com") == 429
    assert Browser(app, "192.0.2.8").guess(email="fresh@example.com") == 401


def test_an_ipv6_household_is_one_address(app: Flask) -> None:
    statuses = [Browser(app, f"2001:db8:1:2::{host:x}").guess() for host in range(1, PER_PERSON + 2)]
    assert statuses == [401] * PER_PERSON + [429]
    assert Browser(app, "2001:db8:1:3::1").guess() == 401


def test_guesses_at_the_same_moment_do_not_pass_together(app: Flask, quick: list[str]) -> None:
    browsers = [Browser(app, "192.0.2.1") for _ in range(24)]
    gate = threading.Barrier(len(browsers))

    def guess(browser: Browser) -> int:
        gate.wait(10)
        return browser.guess()

    with ThreadPoolExecutor(len(browsers)) as threads:
        statuses = list(threads.map(guess, browsers))
    assert (statuses.count(401), statuses.count(429), len(quick)) == (PER_PERSON, 14, PER_PERSON)


def test_a_good_sign_in_forgets_the_failures_before_it(app: Flask) -> None:
    for browser in (Browser(app, "192.0.2.1"), Browser(app, "192.0.2.1")):
        for _ in range(2):
            assert [browser.guess() for _ in range(PER_PERSON - 1)] == [401] * (PER_PERSON - 1)
            assert browser.sign_in() == 302


def test_an_office_behind_one_address_may_sign_in_all_day(app: Flask) -> None:
    for _ in range(PER_ADDRESS + 1):
        assert Browser(app, "192.0.2.1").sign_in() == 302


def test_a_good_sign_in_does_not_wipe_out_the_guesses_at_others(app: Flask) -> None:
    guesser = Browser(app, "192.0.2.1")
    for number in range(PER_ADDRESS - 1):
        guesser.guess(email=f"{number}@example.com")
    assert Browser(app, "192.0.2.1").sign_in() == 302
    assert guesser.guess(email="next@example.com") == 401
    assert guesser.guess(email="one-more@example.com") == 429


def test_guesses_leave_no_e_mail_and_no_address_in_redis(
    app: Flask, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "flask-limiter")
    guesser = Browser(app, "192.0.2.1")
    for _ in range(PER_PERSON + 1):
        guesser.guess()
    names = platform.redis.keys("*")
    assert len(names) == 3
    assert all(0 < platform.redis.ttl(name) <= 3600 for name in names)
    told = [record.getMessage() for record in caplog.records if record.name == "flask-limiter"]
    assert len(told) == 1
    assert not any(secret in text for secret in ("owner", "192.0") for text in (*names, *told))


def test_without_redis_people_sign_in_and_guesses_are_still_stopped(settings: Settings) -> None:
    alone = Platform(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    app = create_app(alone)
    assert Browser(app, "192.0.2.1").sign_in() == 302
    guesser = Browser(app, "192.0.2.2")
    assert [guesser.guess() for _ in range(PER_PERSON + 1)] == [401] * PER_PERSON + [429]
    alone.database.dispose()


def test_guesses_at_the_present_password_are_stopped_and_keep_no_other_browser_from_changing_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(client: FlaskClient, present: str, new: str = "another good one") -> int:
        answer = submit(client, "/panel/account", "/panel/account/password", present=present, password=new)
        return answer.status_code

    def confirm(client: FlaskClient, password: str) -> int:
        return submit(client, "/panel/account", "/login/confirm", password=password).status_code

    thief, owner = app.test_client(), app.test_client()
    sign_in(thief)
    sign_in(owner)
    assert [change(thief, "wrong") for _ in range(PER_PERSON - 1)] == [403] * (PER_PERSON - 1)
    assert change(thief, PASSWORD, PASSWORD) == 302  # forgets the failures, and ends the owner's sign-in
    assert [confirm(thief, "wrong") for _ in range(PER_PERSON)] == [403] * PER_PERSON
    assert change(thief, PASSWORD) == confirm(thief, PASSWORD) == 429
    sign_in(owner)
    assert confirm(owner, PASSWORD) == change(owner, PASSWORD) == 302
