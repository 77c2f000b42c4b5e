"""A text of a bot is looked at while it is typed, and tried out by the person who writes it; all of them are one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from models import Bot, BotPlugin
from services.platform.platform import Platform
from tests.browser.conftest import Browser
from tests.browser.installation import Installation

PANEL = "#panel-texts"
DRAFT = f"{PANEL} textarea"


def welcome(platform: Platform, bot_id: int, new: str | None = None) -> str:
    """The bot's welcome as it is saved, `new` first if there is one."""
    with platform.database.transaction() as session:
        (start,) = [row for row in session.get_one(Bot, bot_id).plugins if row.name == "start"]
        row = session.get_one(BotPlugin, start.id)
        if new is not None:
            row.config = {**row.config, "welcome_message": new}
        return str(row.config["welcome_message"])


def rewrite(browser: Browser, old: str, new: str) -> None:
    """Change what stands in the box, as typing does."""
    box = browser.find(DRAFT)
    browser.run(
        "arguments[0].value = arguments[0].value.replace(arguments[1], arguments[2]);"
        "arguments[0].dispatchEvent(new Event('input', { bubbles: true }));",
        box,
        old,
        new,
    )


def test_a_text_is_shown_as_people_see_it_and_sent_to_oneself_before_it_is_saved(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    bot, sandbox = fleet[0]["username"], installation.sandbox
    browser.open("/panel/bots")
    browser.click("main .cell-bot a", bot)
    browser.click("[role=tab]", "Comportamento")
    field = browser.find("#plugin-start-welcome_message")
    field.clear()
    field.send_keys("A bordo, {first_name}! <b>Oi <img src=x>")
    browser.see("O Telegram não mostraria isto", "#panel-behaviour [role=group]")
    field.clear()
    field.send_keys("A bordo, {first_name}! <b>Oi &lt;img src=x&gt;</b>")
    browser.see("A bordo, Ana! Oi <img src=x>", ".bubble")
    assert browser.text(".bubble .run-bold") == "Oi <img src=x>"
    browser.click("main button", "Enviar teste para mim")
    person = sandbox.create_user(first_name="Eva")["id"]
    sandbox.start(person, bot)

    def found() -> bool:
        browser.click("dialog[open] button", "Procurar de novo")
        return "Eva" in browser.text("dialog[open]")

    browser.wait(found, "whoever pressed Start is not listed")
    browser.click("dialog[open] .choice", "Eva")
    browser.click("dialog[open] .btn-primary", "Enviar")
    browser.see("Enviado para Eva", ".toasts")
    arrived = "A bordo, Eva! Oi <img src=x>"
    browser.wait(
        lambda: arrived in [each["text"] for each in sandbox.sent(bot, "sendMessage")], "not arrived"
    )
    assert all("422" in complaint for complaint in browser.complaints())


def test_texts_are_edited_refused_at_their_line_shown_as_changes_and_saved(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]], tmp_path: Path
) -> None:
    platform, before = installation.platform, welcome(installation.platform, 1)
    browser.open("/panel/bots/1#texts")
    browser.wait(lambda: before in str(browser.find(DRAFT).get_attribute("value")), "the file is read")
    rewrite(browser, before, f"{before} <b>hoje")
    rewrite(browser, "## help.header", "## help.heading")
    browser.click(f"{PANEL} button", "Ver as mudanças")
    browser.see("3 erros", PANEL)
    first, *_ = browser.driver.find_elements(By.CSS_SELECTOR, ".text-problems button")
    assert first.text.startswith("Linha 2: ")
    assert first.text.count("Linha") == 1
    wrong = browser.driver.find_elements(By.CSS_SELECTOR, ".text-lines .is-wrong")
    assert [line.get_attribute("textContent") for line in wrong] == [f"{before} <b>hoje", "## help.heading"]
    first.click()
    selected = (
        "const box = document.activeElement; return box.value.slice(box.selectionStart, box.selectionEnd);"
    )
    assert browser.run(selected) == f"{before} <b>hoje"

    document = str(browser.find(DRAFT).get_attribute("value")).replace("help.heading", "help.header")
    (tmp_path / "texts.txt").write_text(document.replace("<b>hoje", "<b>hoje</b>"), encoding="utf-8")
    browser.driver.find_element(By.CSS_SELECTOR, f"{PANEL} input[type=file]").send_keys(
        str(tmp_path / "texts.txt")
    )
    browser.see("1 texto muda", PANEL)
    assert browser.text(f"{PANEL} .text-side ins").strip() == "<b>hoje</b>"
    welcome(platform, 1, f"{before} amanhã")
    browser.click(f"{PANEL} button", "Salvar estes textos")
    browser.see("Alguém mudou os textos deste bot", PANEL)
    browser.see("amanhã", f"{PANEL} .text-side del")
    browser.click(f"{PANEL} button", "Salvar estes textos")
    browser.wait(lambda: welcome(platform, 1) == f"{before} <b>hoje</b>", "the texts are saved")
    browser.see("O bot já os diz", ".toasts")
    browser.click("#tab-behaviour")
    field = "#panel-behaviour [data-plugin=start] textarea"
    browser.wait(lambda: "<b>hoje</b>" in str(browser.find(field).get_attribute("value")), "in the form too")
    assert all("409" in said for said in browser.complaints())  # the plan that held no longer
    welcome(platform, 1, before)


@pytest.mark.usefixtures("fleet")
def test_a_bot_without_files_teaches_how_they_come(browser: Browser) -> None:
    browser.open("/panel/bots/1#files")
    browser.see("Ninguém enviou um arquivo ainda", "#panel-files")
    browser.see("em uso por todos os bots da conta", "#panel-files")
