"""Looking over a page as a screen does, and as a screen reader would."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.browser.conftest import Browser

AXE = Path(__file__).parents[2] / ".node_modules" / "axe-core" / "axe.min.js"
STILL = 0.05
BETWEEN = (820, 860, 1000, 1024, 1100, 1180, 1200)  # where the side bar leaves the least room
CUT_OFF = """
const hidden = (style) => style.display === "none" || style.visibility === "hidden" || style.position === "absolute";
return [...document.querySelectorAll("main, main *")].filter((element) => {
  const style = getComputedStyle(element);
  if (hidden(style) || element.closest("svg, .chart, .visually-hidden, .table thead")) return false;
  const shrinks = style.textOverflow === "ellipsis";
  return !shrinks && ["hidden", "clip"].includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1;
}).map((element) => `${element.tagName}.${element.className} ${element.scrollWidth} > ${element.clientWidth}`);
"""  # elements that hide a part of what they hold
SHIFTS = """
const done = arguments[0];
let moved = 0;
const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) moved += entry.hadRecentInput ? 0 : entry.value;
});
observer.observe({ type: "layout-shift", buffered: true });
requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(moved))));
"""
SERIOUS = {"serious", "critical"}


@dataclass
class Looked:
    """What one round over every page and dialog found: pages wider than the screen, what is cut off, and what axe finds grave."""

    wide: dict[tuple[str, int], int] = field(default_factory=dict)
    cut_off: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    shifted: dict[str, float] = field(default_factory=dict)
    grave: dict[str, list[str]] = field(default_factory=dict)

    def at(self, browser: Browser, page: str, width: int) -> None:
        """Look at the page that is open, on a screen so many pixels wide."""
        self.fit(browser, page, width)
        if broken := _axe(browser):
            self.grave[page] = broken

    def shift(self, browser: Browser, page: str) -> None:
        """Note how far the open page's parts jumped while it was loaded, as browsers reckon it; 0.1 is called good."""
        moved = cast(float, browser.driver.execute_async_script(SHIFTS))
        if moved >= STILL:
            self.shifted[page] = round(moved, 3)

    def between(self, browser: Browser, page: str) -> None:
        """Look at the open page at every width between the phone's and the desk's."""
        for width in BETWEEN:
            browser.resize((width, 900))
            self.fit(browser, page, width)

    def fit(self, browser: Browser, page: str, width: int) -> None:
        """Note what the open page does not fit into `width` pixels."""
        seen = cast(int, browser.run("return document.documentElement.scrollWidth"))
        if seen > width:
            self.wide[page, width] = seen
        if cut := cast(list[str], browser.run(CUT_OFF)):
            self.cut_off[page, width] = cut


def _axe(browser: Browser) -> list[str]:
    """What axe-core finds serious or critical; nothing without it, which its test tells."""
    if not AXE.exists():
        return []
    browser.driver.execute_script(AXE.read_text())
    answer = browser.driver.execute_async_script("axe.run().then(arguments[0])")
    grave: list[dict[str, Any]] = [item for item in answer["violations"] if item["impact"] in SERIOUS]
    return [
        f"{item['id']}: {node['target']} {node['failureSummary']}" for item in grave for node in item["nodes"]
    ]
