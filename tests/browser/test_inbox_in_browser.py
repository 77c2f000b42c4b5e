"""An operator finds somebody, answers them, puts a tag on them and blocks them, as a person does it in a real Chromium."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from sqlalchemy import select

from models import Bot, BotAccess, Conversation, Lead
from tests.browser.conftest import Browser
from tests.browser.installation import Installation

QUESTION = "Where is my <b>order</b>?"


def test_somebody_who_writes_is_found_answered_and_tagged(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    bot, sandbox = fleet[0]["username"], installation.sandbox
    browser.open("/panel/inbox")
    browser.see("Ao vivo", ".live")  # what moves the page while it loads is there
    browser.click("main label.switch", bot)
    browser.wait(lambda: _keeps(installation, bot), "the switch changed nothing")
    browser.open("/panel/inbox")
    person = int(sandbox.create_user(first_name="Zélia")["id"])
    sandbox.start(person, bot)
    browser.wait(lambda: _asked(browser, installation, person, bot), "what she wrote is not in the inbox")
    browser.click(".inbox-list a", "Zélia")
    browser.see(QUESTION, ".talk")
    browser.type("#answer", "It leaves today.")
    browser.click("form.answer .btn-primary")
    arrived = (bot, person, "It leaves today.")
    browser.wait(lambda: arrived in _said(installation), "the answer did not reach the person")
    browser.wait(lambda: browser.driver.find_elements("css selector", ".talk .is-sent"), "nobody says so")
    _answers_without_news(browser, installation, bot, person)
    browser.open("/panel/inbox")
    browser.wait(lambda: "Zélia" not in browser.text(), "who was answered still waits")
    browser.open("/panel/people")
    browser.type("#people-words", "Zélia")
    browser.wait(lambda: "where=" in browser.driver.current_url, "the filter is not in the address")
    browser.wait(lambda: browser.text("main tbody").count("Zélia") == 1, "she is not found")
    browser.click("main tbody input[type=checkbox]")
    browser.type("#people-tag", "vip")
    browser.click("form.bulk .btn-primary")
    browser.see("vip", "main tbody .tags")
    with installation.platform.database.reading() as session:
        assert session.scalars(select(Lead.tags).where(Lead.telegram_id == person)).one() == ["vip"]
    _others_come(installation, person)
    browser.open("/panel/people?where=" + quote('{"tags_all":["vip"]}'))  # as a saved segment may ask
    browser.wait(lambda: browser.text("search strong").startswith("1 "), "the segment is wider than it says")
    browser.run(
        "const it = document.querySelector('#people-action');it.value='block';it.dispatchEvent(new Event('change'))"
    )
    browser.click("main tbody input[type=checkbox]")
    browser.click("form.bulk .btn-primary")
    browser.wait(lambda: _is_blocked(installation, person), "she is not blocked")
    browser.click("main tbody a", "Zélia")
    browser.see("It leaves today.", ".timeline")
    browser.click("main .page-head a.btn")
    browser.wait(
        lambda: browser.driver.find_elements("css selector", "form[action$='/erase']"), "no way to erase her"
    )


def _answers_without_news(browser: Browser, installation: Installation, bot: str, person: int) -> None:
    """Three answers while the page hears nothing: each arrives; but none over a colleague's, though one takes over."""
    browser.run(
        "const real = window.fetch;"
        "window.fetch = (path, ...more) => String(path).startsWith('/panel/live/') ? new Promise(() => {}) : real(path, ...more)"
    )
    box = browser.find("#answer")
    for said in ("One", "Two", "Three"):
        browser.type("#answer", said)
        browser.click("form.answer .btn-primary")
        browser.wait(lambda: box.get_attribute("value") == "", "the answer was not taken")
    wanted = {(bot, person, said) for said in ("One", "Two", "Three")}
    browser.wait(lambda: wanted <= _said(installation), "an answer did not arrive")
    with installation.platform.database.transaction() as session:  # a colleague, elsewhere
        talk = session.scalars(select(Conversation).where(Conversation.telegram_id == person)).one()
        talk.revision += 1
    browser.type("#answer", "Four")
    browser.click("section[aria-labelledby=decide] .row > button.btn-s")
    time.sleep(0.5)
    browser.click("form.answer .btn-primary")
    browser.wait(
        lambda: browser.find(".notice.is-degraded[role=alert]").is_displayed(), "it was sent over theirs"
    )
    assert (bot, person, "Four") not in _said(installation)
    [refusal] = browser.complaints()
    assert "409" in refusal


def _others_come(installation: Installation, person: int) -> None:
    """Somebody without the tag."""
    with installation.platform.database.transaction() as session:
        lead = session.scalars(select(Lead).where(Lead.telegram_id == person)).one()
        session.add(Lead(account_id=lead.account_id, bot_id=lead.bot_id, telegram_id=person + 1))


def _is_blocked(installation: Installation, person: int) -> bool:
    with installation.platform.database.reading() as session:
        return session.scalar(select(BotAccess.list).where(BotAccess.telegram_id == person)) == "blocked"


def _asked(browser: Browser, installation: Installation, person: int, bot: str) -> bool:
    """She writes; whether the page shows it soon. A worker hears within a second that the bot keeps messages."""
    installation.sandbox.send(person, bot, QUESTION)
    time.sleep(2.0)
    return QUESTION in browser.text(".inbox-list")


def _keeps(installation: Installation, bot: str) -> bool:
    with installation.platform.database.reading() as session:
        return bool(session.scalar(select(Bot.keeps_messages).where(Bot.username == bot)))


def _said(installation: Installation) -> set[tuple[str, int, str]]:
    return {(each["bot"], each["chat_id"], each["text"]) for each in installation.sandbox.sent()}
