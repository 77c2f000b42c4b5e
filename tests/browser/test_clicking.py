"""The tests' own click: what the page moves away from under it is clicked again, and once."""

from __future__ import annotations

from tests.browser.conftest import Browser

# What comes above it when the pointer has arrived and not pressed yet.
MOVES_ONCE = """
const button = document.createElement("button");
button.id = "moves";
button.textContent = "Apertar";
const news = document.createElement("p");
news.style.height = "300px";
button.addEventListener("pointerenter", () => button.before(news), { once: true });
button.addEventListener("click", () => (button.textContent += "!"));
news.addEventListener("click", () => (news.textContent = "Errou"));
document.querySelector("main").prepend(button);
"""


def test_what_moved_away_from_under_a_click_is_clicked_again_and_once(browser: Browser) -> None:
    browser.open("/panel/account")
    browser.click("main h1")  # the pointer is elsewhere
    browser.run(MOVES_ONCE)
    browser.click("#moves")
    assert browser.text("main p") == "Errou"
    assert browser.text("#moves") == "Apertar!"
