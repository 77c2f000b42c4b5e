"""The forms of plugins: nested buttons are written, ordered by pointer and keyboard, and the chat beside them answers."""

from __future__ import annotations

from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from sqlalchemy import select

from models import BotPlugin
from tests.browser.conftest import Browser
from tests.browser.installation import Installation

MENU = "[data-plugin=menu]"
FIRST = '[data-place="menu.buttons.0"]'
NESTED = '[data-place="menu.buttons.0.buttons.0"]'


def write_a_menu_in_a_menu(browser: Browser) -> None:
    """A refused label is told at its own field while it is typed; the mended one is tapped in the chat and saved."""
    browser.click(f"{MENU} label.switch")
    browser.click(f"{FIRST} .config-item-title", "Option 1")
    browser.click("#add-plugin-menu-buttons-0-buttons")
    browser.see("pelo menos 1 caractere", "#problem-plugin-menu-buttons-0-buttons-0-label")
    label = browser.find("#plugin-menu-buttons-0-buttons-0-label")
    assert label.get_attribute("aria-invalid") == "true"
    label.send_keys("Falar com a gente")
    browser.type(".chat-write input", f"/menu{Keys.ENTER}")
    browser.click(".chat-row button", "Option 1")
    browser.see("Falar com a gente", ".chat-screen")
    assert label.get_attribute("aria-invalid") == "false"


def order_by_keyboard(browser: Browser) -> None:
    """The first button of the menu goes below the second; what is open stays open and keeps its place's name."""
    down = browser.find(f"{FIRST} [data-move]:not(:disabled)")
    down.send_keys(Keys.ENTER)
    browser.wait(
        lambda: "Option 1 está agora na posição 2" in str(_said(browser)), "the new place is said aloud"
    )
    assert (
        browser.find("#plugin-menu-buttons-1-buttons-0-label").get_attribute("value") == "Falar com a gente"
    )
    browser.click("main button", "Salvar comportamento")
    browser.see("Salvo. O bot responde assim", ".toasts")


def order_by_dragging(browser: Browser) -> None:
    """The second button of the menu is dragged above the first by a pointer, and down again by a finger."""
    browser.run(f"document.querySelector('{FIRST}').scrollIntoView({{block: 'center'}})")
    for kind, start, end in ((interaction.POINTER_MOUSE, 1, 0), (interaction.POINTER_TOUCH, 0, 1)):
        before = _titles(browser)
        _drag(browser, kind, _grip(browser, start), _grip(browser, end))
        _see_order(browser, before[::-1])
        assert browser.run("return document.querySelector('.is-dragged, .drop-before, .drop-after')") is None
    _drag(browser, interaction.POINTER_MOUSE, _grip(browser, 0), _grip(browser, 0))
    assert _titles(browser) == before[::-1], "let go where it was taken, it stays"


def _drag(browser: Browser, kind: str, taken: WebElement, above: WebElement) -> None:
    """Take an item by its handle and let it go over another one's."""
    pointer = PointerInput(kind, kind)  # type: ignore[no-untyped-call]
    actions = ActionBuilder(browser.driver, mouse=pointer)
    hand = actions.pointer_action
    hand.move_to(taken).pointer_down().move_to(above).pointer_up()  # type: ignore[no-untyped-call]
    actions.perform()


def _grip(browser: Browser, at: int) -> WebElement:
    return browser.find(f'[data-place="menu.buttons.{at}"] > .config-item-head .grip')


def _see_order(browser: Browser, titles: list[str]) -> None:
    browser.wait(lambda: _titles(browser) == titles, f"not in the order {titles}")


def _titles(browser: Browser) -> list[str]:
    """The menu's first two buttons, from top to bottom."""
    heads = (f'[data-place="menu.buttons.{at}"] > .config-item-head .config-item-title' for at in (0, 1))
    return [browser.text(head) for head in heads]


def give_to_another(browser: Browser) -> None:
    """What the bot does is given to the first of the others, once its changes were seen."""
    browser.run("document.querySelector('#sharing-target').value = 'bots'")
    browser.run("document.querySelector('#sharing-target').dispatchEvent(new Event('change'))")
    browser.click("section[data-username] fieldset label")
    browser.wait(lambda: not browser.text(".toasts"), "what was said before stays in the way")
    browser.click("section[data-username] form button")
    browser.see("1 bot recebe outro comportamento", "section[data-username] .notice")
    browser.see("plugins.menu", "section[data-username] .notice")
    browser.click("section[data-username] .notice .btn-primary")
    browser.see("A partir de agora respondem assim", ".toasts")


def saved_labels(installation: Installation, bot_id: int) -> list[tuple[str, list[str]]]:
    """The menu's buttons as they are stored, each with those of its page."""
    wanted = select(BotPlugin.config).where(BotPlugin.bot_id == bot_id, BotPlugin.name == "menu")
    with installation.platform.database.reading() as session:
        config = session.scalars(wanted).one()
    return [(each["label"], [inner["label"] for inner in each["buttons"]]) for each in config["buttons"]]


def _said(browser: Browser) -> object:
    return browser.run(
        "return document.querySelector('#panel-behaviour .visually-hidden[role=status]').textContent"
    )
