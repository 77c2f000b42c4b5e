"""For everybody: phone and desk, light and dark, keyboard and screen reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import DESKTOP, PHONE, Browser

PAGES = (
    "/panel",
    "/panel/bots",
    "/panel/bots/1",
    "/panel/bots/1#behaviour",
    "/panel/bots/1#redirection",
    "/panel/pools",
    "/panel/pools/1",
    "/panel/notifications",
    "/panel/account",
    "/panel/nowhere",
)
DIALOGS = ("/panel/bots#add", "/panel/pools#create")
AXE = Path(__file__).parents[2] / ".node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(("size", "theme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desk"])
def test_every_page_fits_its_screen_and_axe_finds_nothing_serious(
    browser: Browser, size: tuple[int, int], theme: str
) -> None:
    browser.resize(size)
    browser.prefer(theme)
    wide, grave = {}, {}
    for page in (*PAGES, *DIALOGS):
        browser.open(page)
        browser.find("main")
        width = cast(int, browser.run("return document.documentElement.scrollWidth"))
        if width > size[0]:
            wide[page] = width
        if broken := _axe(browser):
            grave[page] = broken
    assert (wide, grave) == ({}, {})
    browser.complaints()  # the page that is not there


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Browser) -> None:
    def background() -> object:
        return browser.run("return getComputedStyle(document.body).backgroundColor")

    browser.open("/panel/account")
    light = background()
    browser.prefer("dark")
    browser.wait(lambda: background() != light, "dark follows the system")
    browser.click(".segmented button", "Claro")
    browser.wait(lambda: background() == light, "light was chosen")
    browser.open("/panel/bots")
    assert background() == light
    browser.open("/panel/account")
    browser.click(".segmented button", "Do sistema")


def test_the_language_is_switched_for_every_page(browser: Browser) -> None:
    browser.open("/panel")
    for wanted, seen in (("English", "Overview"), ("Português", "Visão geral")):
        browser.find("select[name=locale]").send_keys(wanted)
        browser.wait(lambda seen=seen: browser.text("h1") == seen, seen)  # type: ignore[misc]
    assert browser.run("return document.documentElement.lang") == "pt-BR"


def test_a_dialog_is_used_by_keyboard_alone(browser: Browser) -> None:
    browser.open("/panel/bots")
    opener = browser.find("main .page-head .btn-primary")
    browser.run("arguments[0].focus()", opener)
    _press(browser, Keys.ENTER)
    browser.see("Adicionar um bot", "dialog[open]")
    assert _focused(browser, "id") == "bot-token"
    for _ in range(12):
        _press(browser, Keys.TAB)
        outside = (
            "return document.activeElement !== document.body && !document.activeElement.closest('dialog')"
        )
        assert browser.run(outside) is False
    _press(browser, Keys.ESCAPE)
    browser.wait(lambda: not browser.driver.find_elements("css selector", "dialog[open]"), "closed")
    assert browser.driver.switch_to.active_element == opener


@pytest.mark.usefixtures("fleet")
def test_tabs_are_walked_with_arrows(browser: Browser) -> None:
    browser.open("/panel/bots/1")
    browser.run("arguments[0].focus()", browser.find("#tab-general"))
    _press(browser, Keys.ARROW_RIGHT)
    assert _focused(browser, "id") == "tab-behaviour"
    assert browser.find("#panel-behaviour").is_displayed()
    _press(browser, Keys.END)
    assert _focused(browser, "id") == "tab-redirection"


def test_the_first_tab_leads_past_the_menu(browser: Browser) -> None:
    browser.open("/panel")
    _press(browser, Keys.TAB)
    browser.wait(
        lambda: browser.driver.switch_to.active_element.text == "Ir para o conteúdo", "the skip link"
    )
    _press(browser, Keys.ENTER)
    assert _focused(browser, "id") == "content"


def _axe(browser: Browser) -> list[str]:
    """What axe-core finds serious or critical; without it (`make axe` fetches it) nothing is looked for."""
    if not AXE.exists():
        return []
    browser.driver.execute_script(AXE.read_text())
    answer = browser.driver.execute_async_script("axe.run().then(arguments[0])")
    grave: list[dict[str, Any]] = [item for item in answer["violations"] if item["impact"] in SERIOUS]
    return [
        f"{item['id']}: {node['target']} {node['failureSummary']}" for item in grave for node in item["nodes"]
    ]


def _press(browser: Browser, key: str) -> None:
    ActionChains(browser.driver).send_keys(key).perform()


def _focused(browser: Browser, attribute: str) -> str | None:
    return browser.driver.switch_to.active_element.get_attribute(attribute)
