"""A broadcast of a flow's step: without a flow the form says what to do; with one it is chosen, shown, counted and sent."""

from __future__ import annotations

from typing import Any

from selenium.webdriver.common.keys import Keys
from sqlalchemy import delete, select, text

from models import Bot, Broadcast, Flow, FlowRun, Lead
from services.fleet.flows.fields import NewFlow, Publication
from services.fleet.flows.flows import create_flow
from services.fleet.flows.players import choose_bots
from services.fleet.flows.publishing import publish
from services.platform.accounts.principal import Principal
from tests.browser.conftest import PHONE, Browser
from tests.browser.installation import Installation
from tests.browser.test_broadcasts import look, met

STEPS = [
    {"key": "hello", "title": "Boas-vindas", "messages": [{"text": "Oi!"}]},
    {
        "key": "offer",
        "title": "Oferta",
        "messages": [
            {"text": "<b>{first_name}</b>, só hoje"},
            {"text": "Quer ver?", "buttons": [[{"kind": "step", "text": "Quero", "step": "hello"}]]},
        ],
    },
]


def test_a_step_of_a_flow_is_chosen_shown_counted_and_sent(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    sandbox, name = installation.sandbox, fleet[0]["username"]
    people = met(installation, name, 3)
    browser.open("/panel/broadcasts/new")
    _choose_step(browser)
    browser.wait(lambda: browser.text(".variant .empty"), "it says that there is no flow")
    look(browser, "broadcast-step-empty")
    flow = _published(installation, name)
    try:
        browser.open("/panel/broadcasts/new")
        browser.type("#b-name", "Oferta")
        _choose_step(browser)
        step = browser.find(".variant .two label:last-child select")
        step.send_keys("Oferta")
        browser.see("Ana, só hoje", ".chat-screen")
        browser.see("Quero", ".chat-screen")
        browser.see(f"@{name}: 3", ".shares")
        browser.see(f"@{fleet[1]['username']}", "section[aria-labelledby=c-audience] .notice")
        look(browser, "broadcast-step-compose")
        browser.resize(PHONE)
        look(browser, "broadcast-step-compose-phone")
        browser.resize((1280, 900))
        browser.run("location.reload()")  # what was chosen is in the draft
        browser.wait(
            lambda: browser.run("return document.querySelectorAll('.variant select')[1]?.value") == "offer",
            "the step is kept",
        )
        browser.click("form .row .btn-primary")
        browser.see("3", "dialog[open]")
        browser.click("dialog[open] .modal-foot button:last-child")
        browser.wait(lambda: browser.text(".tally dd") == "3", "all were sent")
        browser.see("offer", "section[aria-labelledby=b-after]")
        look(browser, "broadcast-step-done")
        sent = [each for each in sandbox.sent(name, "sendMessage") if "só hoje" in each["text"]]
        assert sorted(int(each["chat_id"]) for each in sent) == sorted(people)
        browser.leave()  # its page would ask for what is about to be forgotten
    finally:
        _forget(installation, flow)


def _choose_step(browser: Browser) -> None:
    """With the keyboard alone."""
    browser.find(".variant .segmented button:last-child").send_keys(Keys.ENTER)
    browser.wait(
        lambda: browser.find(".variant .segmented button:last-child").get_attribute("aria-pressed") == "true",
        "a step is chosen",
    )


def _caller(installation: Installation) -> Principal:
    with installation.platform.database.reading() as session:
        return Principal(session.scalars(select(Bot.account_id)).first() or 0, "user:test")


def _published(installation: Installation, username: str) -> Flow:
    platform, caller = installation.platform, _caller(installation)
    document = {"start": "hello", "steps": STEPS}
    flow = create_flow(platform, caller, NewFlow(name="Oferta", document=document))
    publish(platform, caller, flow.id, Publication(revision=flow.draft_revision, version=None))
    with platform.database.reading() as session:
        bot = session.scalars(select(Bot).where(Bot.username == username)).one()
    choose_bots(platform, caller, flow.id, [bot.id])
    return flow


def _forget(installation: Installation, flow: Flow) -> None:
    """Other tests find bots that play nothing, and their first flow and broadcast have the number 1."""
    choose_bots(installation.platform, _caller(installation), flow.id, [])
    with installation.platform.database.transaction() as session:
        session.execute(delete(Broadcast).where(Broadcast.name == "Oferta"))
        session.execute(delete(FlowRun).where(FlowRun.flow_id == flow.id))
        session.execute(delete(Lead))
        session.execute(delete(Flow).where(Flow.id == flow.id))
        session.execute(text("DELETE FROM sqlite_sequence WHERE name IN ('flows', 'broadcasts')"))
