"""Postbacks and payment providers, made and tried in the panel by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from selenium.webdriver.support.ui import Select
from sqlalchemy import select, update

from models import Click, DeliveryStatus, Goal, PostbackDelivery
from tests.browser import splitting
from tests.browser.conftest import DESKTOP, PHONE, Browser
from tests.browser.installation import Installation
from tests.browser.looking import Looked
from tools.servers.receivers import http_receiver

SHOTS = os.environ.get("FLOTILLA_SHOTS", "")  # a folder for pictures of what is made here, to be looked at


def look(browser: Browser, name: str, width: int = DESKTOP[0]) -> None:
    """Nothing is cut off or wider than the screen, and axe finds nothing."""
    found = Looked()
    found.at(browser, name, width)
    assert found == Looked()
    shot(browser, name)


def shot(browser: Browser, name: str) -> None:
    if SHOTS:
        browser.driver.save_screenshot(str(Path(SHOTS) / f"{name}.png"))


def test_a_postback_is_made_sent_as_a_test_and_its_answer_shown(
    browser: Browser, installation: Installation
) -> None:
    browser.open("/panel/postbacks")
    look(browser, "empty")
    with http_receiver() as receiver:
        browser.click(".empty .btn-primary")
        Select(browser.find("#postback-driver")).select_by_value("url")
        Select(browser.find("#postback-method")).select_by_value("POST")
        browser.type("#postback-name", "Tracker")
        browser.type("#postback-url", "https://t.example/?x={unknown}")
        browser.click("dialog[open] .btn-primary")
        browser.wait(
            lambda: browser.find("#postback-url").get_attribute("aria-invalid") == "true",
            "the macro is refused",
        )
        look(browser, "postback-dialog")
        browser.find("#postback-url").clear()
        browser.type("#postback-url", f"{receiver.url}/p?c={{click_id}}&v={{value}}")
        browser.click("dialog[open] .btn-primary")
        browser.see("Tracker")
        receiver.answers[:], receiver.says = [(400, {})], b"campaign unknown" + b"_" * 300
        browser.click("main button", "teste")
        browser.see("400")
        browser.see("campaign unknown")
        browser.resize(PHONE)
        look(browser, "answer-on-a-phone", PHONE[0])
        browser.resize(DESKTOP)
        assert [post.path for post in receiver.posts] == ["/p?c=testclick000&v=9.90"]
    look(browser, "postbacks")
    browser.click("main a", "Tracker")
    browser.see("Tracker", "h1")
    shot(browser, "postback-log")
    assert all("422" in said for said in browser.complaints())  # the browser names the refused request


def test_a_provider_is_added_and_a_body_tried(browser: Browser) -> None:
    browser.open("/panel/postbacks")
    browser.click("main [aria-labelledby=webhooks-title] button")
    browser.type("#webhook-name", "Pix")
    browser.type("#webhook-person", "meta.telegram")
    browser.type("#webhook-event_id", "id")
    browser.type("#webhook-value", "amount")
    browser.type("#webhook-fixed_currency", "BRL")
    look(browser, "webhook-dialog")
    browser.click("dialog[open] .btn-primary")
    browser.see("/payments/", "dialog[open]")
    browser.see("whsec_", "dialog[open]")
    look(browser, "webhook-made")
    browser.click("dialog[open] .btn-primary")
    browser.click("main a", "Pix")
    body = {"id": "1", "amount": "19.90", "meta": {"telegram": 12}}
    browser.type("#try-body", json.dumps(body))
    browser.click("main form .btn-primary")
    browser.wait(lambda: bool(browser.text("[role=status] .pill")), "what it would do is said")
    look(browser, "webhook-try")
    browser.resize(PHONE)
    browser.open("/panel/postbacks")
    browser.see("Pix")
    look(browser, "phone", PHONE[0])


def test_a_sale_is_seen_in_the_analytics_and_in_the_postbacks_log(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    assert fleet
    splitting.visit(f"{installation.url}/go/campanha-verao?utm_source=fb")
    browser.wait(lambda: splitting.clicks(installation) > 0, "the click is flushed")
    with installation.platform.database.reading() as session:
        click = session.scalars(select(Click).order_by(Click.at.desc()).limit(1)).one().id
    browser.open("/panel/postbacks")
    body = {"goal": "purchase", "event_id": "sale", "click_id": click, "value": "19.90", "currency": "BRL"}
    browser.run(
        "fetch('/api/v1/goals', {method: 'POST', headers: {'Content-Type': 'application/json', 'X-CSRFToken':"
        " document.querySelector('meta[name=csrf-token]').content}, body: arguments[0]})",
        json.dumps(body),
    )
    browser.wait(lambda: _goal_is_there(installation), "the goal is noted")
    browser.open("/panel/analytics")
    browser.see("19,90 BRL")
    look(browser, "analytics")
    browser.open("/panel/postbacks/1")
    browser.see("goal:1")
    with installation.platform.database.transaction() as session:
        session.execute(update(PostbackDelivery).values(status=DeliveryStatus.FAILED))
    browser.open("/panel/postbacks/1")
    shot(browser, "log-with-a-goal")
    browser.click("main .card-head button")
    browser.wait(lambda: not _any_given_up(installation), "what was given up is on its way again")


def _any_given_up(installation: Installation) -> bool:
    failed = select(PostbackDelivery).where(PostbackDelivery.status == DeliveryStatus.FAILED)
    with installation.platform.database.reading() as session:
        return session.scalars(failed).first() is not None


def _goal_is_there(installation: Installation) -> bool:
    with installation.platform.database.reading() as session:
        return session.scalars(select(Goal)).first() is not None
