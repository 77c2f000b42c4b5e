"""Connecting a chat to notifications, as a person does it with the dialog open."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlsplit

from tests.browser.conftest import Browser
from tools.servers.sandbox import Sandbox


def connect_two_bots(browser: Browser, sandbox: Sandbox, reserve: str) -> None:
    """Add a chat with a stand-in, press Start at both, and see each noticed in the dialog; then remove it."""
    browser.wait(lambda: _offered(browser, f"@{reserve}"), "the bot is well again and can stand in")
    choose = "const box = document.getElementById('dest-reserve'); box.value = [...box.options].find((one) => one.text === arguments[0]).value; box.dispatchEvent(new Event('change'));"
    browser.run(choose, f"@{reserve}")
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


def _offered(browser: Browser, name: str) -> bool:
    """Whether a page that is opened now offers the bot as a stand-in."""
    browser.open("/panel/notifications")
    browser.click("main button", "destino")
    browser.find("#dest-reserve")
    named = "return [...document.getElementById('dest-reserve').options].map((one) => one.text)"
    return name in cast(list[str], browser.run(named))
