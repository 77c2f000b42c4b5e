"""A tab that nobody looks at, played inside the page: hidden for its scripts, with the browser's notifications recorded."""

from __future__ import annotations

from typing import cast

from tests.browser.conftest import Browser

HIDE = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});"
NOTE_TIMERS = "window.delays = []; window.setTimeout = (_work, delay) => window.delays.push(delay);"
RECORD_NOTICES = """
window.told = [];
window.Notification = class { static permission = "granted"; constructor(heading, said) { window.told.push([heading, said.body]); } };
localStorage.setItem("flotilla-browser-notices", "on");
"""
GO_DOWN = """
const done = arguments[0];
const page = document.querySelector("script[src*='/js/panel/pool.js']").src;
import(page.replace("pool.js", "watch.js")).then(({ watch }) => {
  const bot = { bot_id: 999, username: "gone_bot", state: "online" };
  watch([bot]);
  watch([{ ...bot, state: "offline" }]);
  watch([{ ...bot, state: "offline" }]);
  localStorage.removeItem("flotilla-browser-notices");
  done(window.told);
});
"""


def polls_when_hidden(browser: Browser) -> list[int]:
    """After how many milliseconds the open page asks again once it is hidden."""
    browser.run(f"{HIDE} {NOTE_TIMERS} document.dispatchEvent(new Event('visibilitychange'));")
    return cast(list[int], browser.run("return window.delays"))


def notices_of_a_bot_that_goes_down(browser: Browser) -> list[list[str]]:
    """What the hidden page of a pool notifies of when it hears twice that a bot is down."""
    browser.run(RECORD_NOTICES + HIDE)
    return cast(list[list[str]], browser.driver.execute_async_script(GO_DOWN))


def set_network(browser: Browser, *, offline: bool) -> None:
    """Cut the browser off, or let it back."""
    browser.driver.execute_cdp_cmd("Network.enable", {})
    conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)
    if not offline:
        browser.driver.execute_cdp_cmd("Network.disable", {})  # or every request from now on would be told
