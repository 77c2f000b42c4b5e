"""A broadcast is written beside its preview and count, sent, watched, and its text replaced afterwards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import select

from models import Bot, Broadcast, Lead
from tests.browser.conftest import PHONE, Browser
from tests.browser.installation import Installation
from tests.browser.looking import axe_finds

SHOTS = os.environ.get("SHOTS", "")  # a folder for pictures of the pages, for whoever wants to look at them


def test_a_broadcast_is_written_counted_sent_watched_and_changed(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    sandbox, bot = installation.sandbox, fleet[0]["username"]
    people = met(installation, bot, 12)
    browser.open("/panel/broadcasts")
    look(browser, "broadcasts-empty")
    browser.click("main .empty .btn-primary")
    browser.type("#b-name", "Black Friday")
    browser.type(".variant textarea", "<b>Oi, {first_name}!</b> Hoje tudo pela metade.")
    browser.click(".variant .btn-s")
    browser.type(".button-row input:not([type])", "Abrir a loja")
    browser.type(".button-row input[type=url]", "https://example.com/loja")
    browser.see("Oi, Ana!", ".chat-screen")
    browser.see("Abrir a loja", ".chat-screen")
    browser.see("12", "section[aria-labelledby=c-audience] .card-head")
    browser.see(f"@{bot}: 12", ".shares")
    _typed_while_it_saves(browser, installation)
    look(browser, "broadcast-compose")
    browser.resize(PHONE)
    look(browser, "broadcast-compose-phone")
    browser.click("form .row .btn-primary")
    browser.see("12", "dialog[open]")
    look(browser, "broadcast-confirm")
    browser.click("dialog[open] .modal-foot button:last-child")
    browser.see("12", ".goes + strong")
    browser.wait(lambda: browser.text(".tally dd") == "12", "all were sent")
    look(browser, "broadcast-done-phone")
    browser.resize((1280, 900))
    browser.open("/panel/broadcasts/1")
    browser.see("100", ".goes + strong")
    look(browser, "broadcast-done")
    sent = [each for each in sandbox.sent(bot, "sendMessage") if "pela metade" in each["text"]]
    assert sorted(int(each["chat_id"]) for each in sent) == sorted(people)

    browser.find("form textarea").clear()
    browser.type("form textarea", "Acabou.")
    browser.click("form .btn")
    browser.click("dialog[open] .modal-foot button:last-child")

    def last_text() -> str:
        shown = sandbox.transcript(people[0], bot)
        return str([each["text"] for each in shown if each["direction"] == "out"][-1])

    browser.wait(lambda: last_text() == "Acabou.", "what was sent was changed")
    browser.wait(lambda: browser.text(".tally dd") == "12", "all were changed")
    browser.open("/panel/broadcasts")
    look(browser, "broadcasts")


def look(browser: Browser, name: str) -> None:
    """axe finds nothing here; and a picture where one is wanted."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        browser.driver.save_screenshot(f"{SHOTS}/{name}.png")
    assert axe_finds(browser) == []


def _typed_while_it_saves(browser: Browser, installation: Installation) -> None:
    """What is typed while a slow save is on its way is saved after it."""
    browser.run(
        "const real = window.fetch; window.patches = 0; window.fetch = async (path, how) => {"
        "if (how.method === 'PATCH') { window.patches += 1; await new Promise((done) => setTimeout(done, 1500)); }"
        "return real(path, how); }"
    )
    browser.type("#b-name", " A")
    browser.wait(lambda: browser.run("return window.patches") == 1, "nothing is saved")
    browser.type("#b-name", "B")
    with_both = select(Broadcast.id).where(Broadcast.name.endswith(" AB"))

    def saved() -> bool:
        with installation.platform.database.reading() as session:
            return session.scalar(with_both) is not None

    browser.wait(saved, "what was typed meanwhile is lost")


def met(installation: Installation, username: str, number: int) -> list[int]:
    """So many people whom the bot knows."""
    people = [int(installation.sandbox.create_user(first_name="Ana")["id"]) for _ in range(number)]
    with installation.platform.database.transaction() as session:
        bot = session.scalars(select(Bot).where(Bot.username == username)).one()
        session.query(Lead).delete()
        session.add_all(
            Lead(account_id=bot.account_id, bot_id=bot.id, telegram_id=person, first_name="Ana")
            for person in people
        )
    for person in people:
        installation.sandbox.start(person, username)
    return people
