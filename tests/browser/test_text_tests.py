"""A text of a bot is looked at while it is typed, and tried out by the person who writes it."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Browser
from tests.browser.installation import Installation


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
