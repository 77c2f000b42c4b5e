"""A text of a bot is tried out by the person who writes it."""

from __future__ import annotations

from tests.browser.conftest import Browser
from tests.browser.installation import Installation


def send_to_oneself(browser: Browser, installation: Installation, bot: str, text: str) -> None:
    """From the bot's form: nobody is known, so one presses Start, looks again, and gets the text as it is typed."""
    browser.click("main button", "Enviar teste para mim")
    browser.see("O bot ainda não conhece ninguém", "dialog[open]")
    person = installation.sandbox.create_user(first_name="Eva")["id"]
    installation.sandbox.start(person, bot)

    def found() -> bool:
        browser.click("dialog[open] button", "Procurar de novo")
        return "Eva" in browser.text("dialog[open]")

    browser.wait(found, "whoever pressed Start is not listed")
    browser.click("dialog[open] .choice", "Eva")
    browser.click("dialog[open] .btn-primary", "Enviar")
    browser.see("Enviado para Eva", ".toasts")
    sandbox = installation.sandbox
    browser.wait(
        lambda: text in [sent["text"] for sent in sandbox.sent(bot, "sendMessage")], "it has not arrived"
    )
