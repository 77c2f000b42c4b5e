"""The page of notifications while somebody is about to press something in it."""

from __future__ import annotations

from typing import Any

from selenium.webdriver import ActionChains
from sqlalchemy import select

from models import Account
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from tests.browser.conftest import Browser
from tests.browser.installation import Installation

LIST = "main ul.list"
ROW = f"{LIST} > li"
UNREAD = "nav .count"


def tell(installation: Installation, who: str) -> None:
    with installation.platform.database.transaction() as session:
        account = session.scalars(select(Account.id)).first() or 0
        params = {"bot": "vendas_bot", "person": who}
        assert notify(session, account, Kind.PERSON_WAITS, "info", f"waits:{who}", params, subject=who)


class Hand:
    """A pointer that never rests."""

    def __init__(self, browser: Browser) -> None:
        self._browser, self._moves = browser, 0

    def is_over(self, selector: str) -> bool:
        element = self._browser.find(selector)
        self._moves += 1
        ActionChains(self._browser.driver).move_to_element_with_offset(element, self._moves % 2, 0).perform()
        return bool(self._browser.run("return arguments[0].matches(':hover')", element))


def test_news_wait_while_somebody_is_at_work_in_the_list(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    hand = Hand(browser)
    tell(installation, "Ana")
    browser.open("/panel/notifications")
    browser.see("Ana", LIST)
    unread = browser.text(UNREAD)
    browser.wait(lambda: hand.is_over(ROW), "the page stands still")
    tell(installation, "Bia")
    browser.wait(
        lambda: hand.is_over(ROW) and browser.text(UNREAD) not in ("", unread), "the count tells of it"
    )
    assert "Ana" in browser.text(LIST)
    assert "Bia" not in browser.text(LIST)
    browser.wait(lambda: hand.is_over("main h1"), "it is elsewhere")
    browser.see("Bia", LIST)
