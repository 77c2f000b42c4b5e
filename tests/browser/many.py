"""Many bots at once: their tokens pasted, all of them chosen, found again by what they were tagged with."""

from __future__ import annotations

from typing import Any

from selenium.webdriver.support.ui import Select

from tests.browser.conftest import Browser


def paste_tag_and_find(browser: Browser, bot: dict[str, Any], tag: str) -> None:
    """The whole way, with a `bot` that is here already."""
    _paste_tokens(browser, bot["token"], bot["username"])
    _tag_all_and_find_them(browser, tag)


def _paste_tokens(browser: Browser, token: str, username: str) -> None:
    """Paste a bot that is here, a line without a token and the same bot again; none of them is shown afterwards."""
    browser.open("/panel/bots")
    browser.click("main .page-head button", "Adicionar vários")
    browser.type("#many-tokens", f"{token}\nnothing\nUse this token: {token}")
    browser.click("dialog[open] .btn-primary")
    browser.see("Linhas prontas: 3 de 3", "dialog[open]")
    lines = [line.text for line in browser.driver.find_elements("css selector", "dialog[open] .many .pill")]
    assert lines == [
        f"@{username} já é um dos seus bots",
        "nenhum token nesta linha",
        "o mesmo bot da linha 1",
    ]
    everything = "return document.documentElement.outerHTML + document.querySelector('#many-tokens').value"
    assert token not in str(browser.run(everything))
    assert all("409" in complaint for complaint in browser.complaints())
    browser.click("dialog[open] .modal-foot .btn", "Fechar")


def _tag_all_and_find_them(browser: Browser, tag: str) -> None:
    """Choose all that the list has, tag them in one go, and filter by that tag and by words."""
    browser.click(".bulk .check")
    Select(browser.find("#bulk-action")).select_by_value("tag")
    browser.type("#bulk-tag", tag)
    browser.click(".bulk button", "Aplicar")
    browser.see(tag, "main .table .tags")
    browser.click(".bot-filter .tag", tag)
    browser.wait(lambda: f"tag={tag}" in str(browser.run("return location.search")), "the filter is kept")
    browser.type("#bots-search", "nobody at all")
    browser.see("Nenhum bot encontrado")
    browser.click("main .empty button", "Mostrar todos os bots")
    browser.find("main .table .cell-bot")
    assert browser.run("return location.search") == ""
    assert browser.find("#bots-search").get_attribute("value") == ""
