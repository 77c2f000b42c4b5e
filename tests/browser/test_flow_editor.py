"""A flow from its first step to its publication, as a person makes it; the pages that are looked over later show it."""

from __future__ import annotations

from tests.browser import flowing
from tests.browser.conftest import Browser
from tests.browser.installation import Installation


def test_a_flow_is_written_undone_disputed_and_published(
    browser: Browser, installation: Installation
) -> None:
    flowing.create(browser, "Oferta de verão")
    flowing.write(browser, installation)
    flowing.undo(browser, installation)
    flowing.dispute(browser, installation)
    flowing.publish(browser, installation)
    flowing.see_the_model(browser)
    assert all("409" in said for said in browser.complaints())  # the draft that somebody else had saved
