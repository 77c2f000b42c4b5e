"""A real Chromium in front of a running installation. Without Chromium these tests are left out, and say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.installation import EMAIL, PASSWORD, Installation, running_installation

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--lang=pt-BR",
    "--accept-lang=pt-BR",
    "--force-prefers-reduced-motion",  # a click must not meet a page that still scrolls
    "--renderer-process-limit=1",  # a process per page that is opened takes longer to start than the page
)
DESKTOP, PHONE = (1280, 900), (390, 844)
MOVED_MEANWHILE = (
    StaleElementReferenceException,
    ElementNotInteractableException,
    ElementClickInterceptedException,  # it slid below the phone's bar while the rest of the page came
)
WAIT_SECONDS = 45.0  # a bound for a busy machine, not a promise
Found = TypeVar("Found")
# A look of Selenium's at an element costs much: it is asked only where the page itself says that it may say yes.
LETTERS = 'const letters = (words) => words.replace(/\\s+/g, "").toLowerCase(), [selector, text] = arguments;'
MAY_BE_SHOWN = f"""{LETTERS}
return [...document.querySelectorAll(selector)].filter((element) =>
  (element.checkVisibility() || element.matches("option, optgroup") || getComputedStyle(element).display === "contents")
  && letters(element.textContent).includes(letters(text)));
"""  # the elements that have a box and in some case and spacing hold the text
MAY_READ = f"""{LETTERS}
return [...document.querySelectorAll(selector)].some((element) => letters(element.textContent).includes(letters(text)));
"""
# From under the tab bar. Of an option's click the list is told.
AIM = """
const [element] = arguments;
element.scrollIntoView({block: "nearest"});
element.wasHit = false;
const target = element.closest("select") ?? element;
target.addEventListener("click", () => (element.wasHit = true), {capture: true, once: true});
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not (CHROMIUM and DRIVER):
                reason = "needs chromium and chromedriver (Debian: apt install chromium chromium-driver)"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="package")
def installation(server_folder: Path) -> Iterator[Installation]:
    """Web, worker and clock on a fresh database, with the sandbox as Telegram; gone with the last test of this folder."""
    folder = server_folder / "browser"
    folder.mkdir()
    with running_installation(folder) as running:
        yield running
    errors = [
        line for log in folder.glob("*.log") for line in log.read_text().splitlines() if '"ERROR"' in line
    ]
    assert errors == []


class Browser:
    """What a person does, and what they see."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url
        self._size, self._theme = (0, 0), ""  # as no system has it

    def open(self, path: str) -> None:
        """Load a page of the installation."""
        address = self.url + path
        if self.driver.current_url.partition("#")[0] == address.partition("#")[0]:
            self.leave()  # so that an address that differs by its #part alone is loaded too
        self.driver.get(address)

    def leave(self) -> None:
        """Show nothing, so that no page goes on asking."""
        self.driver.get("about:blank")

    def resize(self, size: tuple[int, int]) -> None:
        """Be a phone or a desk."""
        if size == self._size:
            return
        self._size = size
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, theme: str) -> None:
        """Have the system in `light` or `dark`."""
        if theme == self._theme:
            return
        self._theme = theme
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def find(self, selector: str) -> WebElement:
        """The first visible element, waited for."""
        return self.wait(lambda: next(self._visible(selector), None), f"no visible {selector}")

    def click(self, selector: str, text: str = "") -> None:
        """Click the visible element that holds `text`."""
        self.wait(lambda: self._clicked(selector, text), f"nothing to click: {selector} with {text!r}")

    def type(self, selector: str, text: str) -> None:
        """Write into a field that is shown."""
        self.find(selector).send_keys(text)

    def see(self, text: str, selector: str = "main") -> None:
        """Wait until the page shows `text`."""
        self.wait(lambda: self._reads(selector, text), f"{text!r} is not seen in {selector}")

    def text(self, selector: str = "main") -> str:
        """The visible text of the first such element that is shown; empty while there is none."""
        return next((element.text for element in self._visible(selector)), "")

    def run(self, script: str, *arguments: object) -> object:
        """A value out of the page."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, reached: Callable[[], Found | None], said: str) -> Found:
        """Wait until `reached()` is true and return it; a page that changes meanwhile is asked again."""
        waiting = WebDriverWait(self.driver, WAIT_SECONDS, 0.1, MOVED_MEANWHILE)
        try:
            return waiting.until(lambda _driver: reached() or False)
        except TimeoutException:
            shown = self.run("return document.body.innerText.slice(0, 1500)")
            raise AssertionError(f"{said}; {self.driver.current_url} shows: {shown}") from None

    def complaints(self) -> list[str]:
        """What the console has said since last asked, beside chatter: errors and breaches of the CSP."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [e["message"] for e in entries if e["level"] == "SEVERE" or "Content Security" in e["message"]]

    def _visible(self, selector: str, text: str = "") -> Iterator[WebElement]:
        found = cast(list[WebElement], self.run(MAY_BE_SHOWN, selector, text))
        return (element for element in found if element.is_displayed())

    def _reads(self, selector: str, text: str) -> bool:
        return bool(self.run(MAY_READ, selector, text)) and text in self.text(selector)

    def _clicked(self, selector: str, text: str) -> bool:
        for element in self._visible(selector, text):
            if element.is_enabled() and text in element.text:
                self.run(AIM, element)
                element.click()
                return self._was_hit(element)
        return False

    def _was_hit(self, element: WebElement) -> bool:
        """Whether the click reached it: news may move the page between the look at where it is and the press."""
        try:
            return bool(self.run("return arguments[0].wasHit", element))
        except (StaleElementReferenceException, NoSuchElementException):
            return True  # the click has taken it away, or the page with it


@pytest.fixture(scope="package")
def session_browser(installation: Installation) -> Iterator[Browser]:
    """One Chromium for all tests of this folder, signed in."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    browser = Browser(driver, installation.url)
    browser.resize(DESKTOP)
    browser.open("/")
    browser.type("[name=email]", EMAIL)
    browser.type("[name=password]", PASSWORD)
    browser.click("main form button")
    browser.see("Visão geral")
    yield browser
    driver.quit()


@pytest.fixture(scope="package")
def fleet(installation: Installation, session_browser: Browser) -> list[dict[str, Any]]:
    """Two bots and a pool, made in the panel by hand."""
    browser, bots = session_browser, [installation.sandbox.create_bot() for _ in range(2)]
    for bot in bots:
        browser.open("/panel/bots#add")
        browser.type("#bot-token", bot["token"])
        browser.click("dialog[open] .btn-primary")
        browser.see(f"@{bot['username']}")
    browser.open("/panel/pools#create")
    browser.type("#pool-name", "Campanha Verão")
    for bot in bots:
        browser.click("dialog[open] label.choice", bot["username"])
    browser.click("dialog[open] .btn-primary")
    browser.see("campanha-verao")
    return bots


@pytest.fixture
def browser(session_browser: Browser) -> Iterator[Browser]:
    """The signed-in browser at a desk, in light; afterwards its console must have stayed silent."""
    session_browser.leave()  # what a former test left open asks each second for what may be gone
    session_browser.resize(DESKTOP)
    session_browser.prefer("light")
    session_browser.complaints()
    yield session_browser
    assert session_browser.complaints() == []
