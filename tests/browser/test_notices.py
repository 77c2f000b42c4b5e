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

ROW = "main ul.list > li"
UNREAD = "nav .count"


def tell(installation: Installation, who: str) -> None:
    with installation.platform.database.transaction() as session:
        account = session.scalars(select(Account.id)).first() or 0
        params = {"bot": "vendas_bot", "person": who}
        assert notify(session, account, Kind.PERSON_WAITS, "info", f"waits:{who}", params, subject=who)


def points_at(browser: Browser, selector: str) -> bool:
    element = browser.find(selector)
    ActionChains(browser.driver).move_to_element(element).perform()
    return bool(browser.run("return arguments[0].matches(':hover')", element))


def test_news_wait_while_somebody_points_at_the_list(
    browser: Browser, installation: Installation, fleet: list[dict[str, Any]]
) -> None:
    tell(installation, "Ana")
    browser.open("/panel/notifications")
    browser.see("Ana", ROW)
    unread = browser.text(UNREAD)
    browser.wait(lambda: points_at(browser, ROW), "the page stands still")
    tell(installation, "Bia")
    browser.wait(lambda: browser.text(UNREAD) not in ("", unread), "the count tells of it")
    assert "Ana" in browser.text(ROW)
    points_at(browser, "main h1")
    browser.see("Bia", ROW)
