"""Connecting a chat to notifications, as a person does it with the dialog open."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from tests.browser.conftest import Browser
from tools.servers.sandbox import Sandbox

# Takes whichever bot is offered besides the first: one that was revoked in between may not be well again.
CHOOSE = """
const [first, reserve] = ["dest-bot", "dest-reserve"].map((id) => document.getElementById(id));
reserve.value = [...reserve.options].find((one) => one.value && one.value !== first.value).value;
reserve.dispatchEvent(new Event("change"));
"""


def connect_two_bots(browser: Browser, sandbox: Sandbox) -> None:
    """Add a chat with a stand-in, press Start at both, and see each noticed in the dialog; then remove it."""
    browser.open("/panel/notifications")
    browser.click("main button", "destino")
    browser.find("#dest-reserve")
    browser.run(CHOOSE)
    browser.click("dialog[open] .btn-primary", "Salvar")
    browser.see("Aguardando o Iniciar", "dialog[open]")
    person = int(sandbox.create_user(first_name="Ana")["id"])
    for done in ("este chat recebe as notificações", "o substituto pode escrever"):
        link = urlsplit(cast(str, browser.find("dialog[open] a.btn-primary").get_attribute("href")))
        sandbox.start(person, link.path.strip("/"), link.query.removeprefix("start="))
        browser.see(done, "dialog[open]")
    browser.click("dialog[open] button", "Concluir")
    browser.click('main [aria-label="Excluir Telegram"]')
    browser.click("#confirm button", "Excluir")
