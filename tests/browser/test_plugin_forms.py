"""A menu is written in the panel's form as its owner does it."""

from __future__ import annotations

import pytest

from tests.browser import behaviour
from tests.browser.conftest import Browser
from tests.browser.installation import Installation


@pytest.mark.usefixtures("fleet")
def test_a_menu_in_a_menu_is_written_tried_ordered_and_saved(
    browser: Browser, installation: Installation
) -> None:
    browser.open("/panel/bots/2#behaviour")
    browser.see("Menu", "#panel-behaviour")
    behaviour.write_a_menu_in_a_menu(browser)
    behaviour.order_by_dragging(browser)
    behaviour.order_by_keyboard(browser)
    assert all("422" in complaint for complaint in browser.complaints())  # of the label that was empty
    assert behaviour.saved_labels(installation, 2) == [("Option 2", []), ("Option 1", ["Falar com a gente"])]
    behaviour.give_to_another(browser)
    assert behaviour.saved_labels(installation, 1) == behaviour.saved_labels(installation, 2)
    assert browser.complaints() == []
