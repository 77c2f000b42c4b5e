"""Looking over a page as a screen does, and as a screen reader would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import Any, cast

from sqlalchemy import delete, update

from models import Account, SecondFactor
from services.platform.platform import Platform
from tests.browser.conftest import DESKTOP, PHONE, Browser

AXE = Path(__file__).parents[2] / ".node_modules" / "axe-core" / "axe.min.js"
TABS = (
    "behaviour",
    "texts",
    "redirection",
    "users",
    "files",
    "store",
    "worker",
    "events",
)  # of a bot, after the first
PAGES = (
    "/panel",
    "/panel/bots",
    "/panel/bots/1",
    *(f"/panel/bots/1#{tab}" for tab in TABS),
    "/panel/pools",
    "/panel/pools/1",
    "/panel/pools/1/analytics",
    "/panel/analytics",
    "/panel/lifeboat",
    "/panel/pools/1/waves",
    "/panel/pools/1/rules",
    "/panel/experiments",
    "/panel/experiments/1",
    "/panel/people",
    "/panel/inbox",
    "/panel/broadcasts",
    "/panel/broadcasts/new",
    "/panel/postbacks",
    "/panel/returns",
    "/panel/media",
    "/panel/flows",
    "/panel/flows/1",
    "/panel/flows/1#picture",
    "/panel/dead-letters",
    "/panel/notifications",
    "/panel/account",
    "/panel/nowhere",
    "/api/v1/docs",
)
DIALOGS = (
    "/panel/bots#add",
    "/panel/pools#create",
    "/panel/experiments#create",
    "/panel/flows#create",
    "/panel/returns#import",
)
DOCUMENTS = [list(pages) for _, pages in groupby((*PAGES, *DIALOGS), lambda page: page.partition("#")[0])]
SCREENS = ((PHONE, "light"), (DESKTOP, "dark"))
PARTS = 8  # the documents are looked at in
OF_ACCOUNTS = ("/panel/account/activity", "/panel/confirmations", "/panel/account/two-step", "/new-password")
OF_ADMINS = (
    "/panel/admin/activity",
    "/panel/admin/managed-bots",
    "/panel/admin/backups",
    "/panel/admin/data",
    "/panel/admin/system",
    "/panel/admin/switches",
    "/panel/admin/accounts",  # the last: it stays open
)
FOLDED_PIXELS = 169  # a fifth of a phone's screen
BETWEEN = (820, 860, 1000, 1024, 1100, 1180, 1200)  # where the side bar leaves the least room
MISFITS = """
const cut = [];
const look = (element, shut) => {
  if (element.matches("svg, .chart, .visually-hidden, .table thead")) return;
  shut ||= element.matches("details:not([open]) > :not(summary)");
  if ((shut || element.scrollWidth > element.clientWidth + 1) && hides(element) && element.scrollWidth > element.clientWidth + 1)
    cut.push(`${element.tagName}.${element.className} ${element.scrollWidth} > ${element.clientWidth}`);
  for (const child of element.children) look(child, shut);
};
const hides = (element) => {
  const style = getComputedStyle(element);
  const away = style.display === "none" || style.visibility === "hidden" || style.position === "absolute";
  return !away && style.textOverflow !== "ellipsis" && ["hidden", "clip"].includes(style.overflowX);
};
for (const main of document.querySelectorAll("main")) look(main, main.closest("details:not([open])") !== null);
return [document.documentElement.scrollWidth, cut];
"""  # the page's width, and the elements that hide a part of what they hold; sizes cost least, but where they are not laid out
COUNTED = """
const dom = document.querySelector("script[src*='/js/shell.js']").src.replace("shell.js", "dom.js");
import(dom).then(({ counted }) => arguments[0]([0, 1, 1200].map((count) => counted("destination.rules", count))));
"""  # how a page's scripts count
LANGUAGES = {
    "English": ("Overview", ["0 rules", "1 rule", "1,200 rules"]),
    "Português": ("Visão geral", ["0 regra", "1 regra", "1.200 regras"]),
}
SHIFTS = """
const done = arguments[arguments.length - 1];
let sum = 0;
const seen = (list) => list.getEntries().forEach((shift) => { sum += shift.hadRecentInput ? 0 : shift.value; });
new PerformanceObserver(seen).observe({ type: "layout-shift", buffered: true });
requestAnimationFrame(() => setTimeout(() => done(sum), 100));
"""  # what the page has moved about since it was opened, as Chromium sums it up
COMES_LAST = {"/panel/pools/1/analytics": ".recent", "/panel/pools/1": ".layers", "/panel/bots/1": ".tabs"}
SMALL_SHIFT = 0.05
ONE_OF_EACH_LOOK = """
const looks = new Map(), numbers = new Map(), seen = new Set();
const number = (key) => numbers.get(key) ?? numbers.set(key, numbers.size).get(key);
for (const element of document.querySelectorAll("*")) {
  const style = getComputedStyle(element), above = looks.get(element.parentElement) ?? "";
  const lies = above !== null && !["absolute", "fixed", "sticky"].includes(style.position);
  const look = !lies ? null : number([above, style.color, style.backgroundColor, style.backgroundImage, style.opacity,
    style.fontSize, style.fontWeight, style.textShadow, style.filter, style.mixBlendMode, style.visibility].join("|"));
  looks.set(element, look);
  element.toggleAttribute("data-first-of-its-look", look === null || !seen.has(look));
  seen.add(look);
}
"""  # marks one of the elements that are coloured alike up to the root, and all that lie above others
AXE_RUN = """
const done = arguments[0];
axe.configure({ rules: [{ id: "color-contrast", selector: "[data-first-of-its-look]" }], noHtml: true });
axe.run({ resultTypes: ["violations"], preload: { assets: ["media"] } }).then((found) => done(found.violations));
"""  # all rules, without copies of each element and style sheet, which none of them reads; the contrast of what is coloured alike is reckoned once: a page of 15,000 elements has 41 looks

SETTLED = """
const done = arguments[0], frame = (next) => requestAnimationFrame(next);
const rest = () => (document.getAnimations().length ? frame(rest) : done());
frame(() => frame(rest));
"""  # a page hears of another theme with one frame; then colours pass over from parents to children, a frame for each level


@dataclass
class Looked:
    """What one round over every page and dialog found: pages wider than the screen, what is cut off, and what axe finds."""

    wide: dict[tuple[str, int], int] = field(default_factory=dict)
    cut_off: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    complaints: dict[tuple[str, int], list[str]] = field(default_factory=dict)

    def at(self, browser: Browser, page: str, width: int) -> None:
        """Look at the page that is open, on a screen so many pixels wide."""
        self.fit(browser, page, width)
        if broken := axe_finds(browser):
            self.complaints[page, width] = broken

    def between(self, browser: Browser, page: str) -> None:
        """Look at the open page at every width between the phone's and the desk's."""
        for width in BETWEEN:
            browser.resize((width, 900))
            self.fit(browser, page, width)

    def fit(self, browser: Browser, page: str, width: int) -> None:
        """Note what the open page does not fit into `width` pixels."""
        seen, cut = cast(tuple[int, list[str]], browser.run(MISFITS))
        if seen > width:
            self.wide[page, width] = seen
        if cut:
            self.cut_off[page, width] = cut


def look_at_part(browser: Browser, part: int) -> Looked:
    """Look at one of the PARTS of all pages and dialogs of the fleet, on every screen and in narrower windows."""
    found = Looked()
    for page in chain(*DOCUMENTS[part::PARTS]):
        _look_at(browser, found, page)
    browser.complaints()  # the page that is not there
    return found


def look_at_accounts(browser: Browser, platform: Platform) -> Looked:
    """The same of the pages about one's account, and of what they show once."""
    found = Looked()
    for page in OF_ACCOUNTS:
        _look_at(browser, found, page)
    with platform.database.transaction() as session:
        session.execute(delete(SecondFactor))
    browser.open("/panel/account/two-step")
    browser.click("main button", "Configurar")
    browser.find("img.qr")
    _look_around(browser, found, "an app that is being set up")
    return found


def look_at_admins(browser: Browser, platform: Platform) -> Looked:
    """The same of the pages for admins, and of what they show once."""
    found = Looked()
    with _as_admin(platform):
        for page in OF_ADMINS:
            _look_at(browser, found, page)
        browser.click(".list button", "Nova senha")
        browser.click("#confirm button", "Nova senha")
        _look_around(browser, found, "a link that is shown once")
    return found


def _look_at(browser: Browser, found: Looked, page: str) -> None:
    path, _, tab = page.partition("#")
    if tab in TABS and path == browser.run("return location.pathname"):
        browser.run("location.hash = arguments[0]", tab)
        browser.find(f"#panel-{tab}")
    else:
        size, theme = SCREENS[0]
        browser.resize(size)
        browser.prefer(theme)
        browser.open(page)
        browser.find("main")
    _look_around(browser, found, page)


def _look_around(browser: Browser, found: Looked, page: str) -> None:
    """Look at the open page on each screen: loading it anew for the next one would cost as much as looking."""
    for size, theme in SCREENS:
        browser.resize(size)
        browser.prefer(theme)
        browser.driver.execute_async_script(SETTLED)
        found.at(browser, page, size[0])
    found.between(browser, page)


@contextmanager
def _as_admin(platform: Platform) -> Iterator[None]:
    """Whoever is signed in is an admin for a while."""

    def set_all(is_admin: bool) -> None:
        with platform.database.transaction() as session:
            session.execute(update(Account).values(is_admin=is_admin))

    set_all(True)
    try:
        yield
    finally:
        set_all(False)


def axe_finds(browser: Browser) -> list[str]:
    """What axe-core finds, be it grave or small; nothing without it, which its test tells."""
    if not AXE.exists():
        return []
    if not browser.run("return 'axe' in window"):
        browser.run(AXE.read_text())
    found: list[dict[str, Any]] = browser.driver.execute_async_script(ONE_OF_EACH_LOOK + AXE_RUN)
    return [
        f"{item['id']}: {node['target']} {node['failureSummary']}" for item in found for node in item["nodes"]
    ]


def layout_shifts(browser: Browser) -> dict[str, float]:
    """The pages on which much moved until they showed what comes last; below 0.1 is called good, over 0.25 poor."""
    found = {}
    for page, last in COMES_LAST.items():
        browser.open(page)
        browser.find(last)
        found[page] = cast(float, browser.driver.execute_async_script(SHIFTS))
    return {page: shift for page, shift in found.items() if shift >= SMALL_SHIFT}


def see_the_language(browser: Browser, wanted: str) -> None:
    """Switch to a language; its words are there, and the page's scripts count in it."""
    heading, counted = LANGUAGES[wanted]
    browser.find("select[name=locale]").send_keys(wanted)
    browser.wait(lambda: browser.text("h1") == heading, heading)
    assert browser.driver.execute_async_script(COUNTED) == counted


def see_healthy_layers_fold(browser: Browser) -> None:
    """On the phone a healthy bot's layers are one line without their reasons, until its details are opened."""
    browser.open("/panel/pools/1")
    well = "main tbody:last-child"  # who is sick stands above
    browser.see("Identidade", f"{well} .is-calm")
    assert browser.text(f"{well} .layer-reason") == ""
    assert browser.find(well).size["height"] < FOLDED_PIXELS, "six of them take little more than a screen"
    details = browser.find(f"{well} .row-layers button")
    browser.run("arguments[0].scrollIntoView({block: 'center'})", details)  # from under the tab bar
    details.click()
    browser.see("token verificado", f"{well} .layer-reason")


def is_in_view(browser: Browser, id_: str) -> bool:
    """Whether an element is on the screen from its left to its right edge."""
    script = "const {left, right} = document.getElementById(arguments[0]).getBoundingClientRect(); return left >= 0 && right <= innerWidth"
    return bool(browser.run(script, id_))
