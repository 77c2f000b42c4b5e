"""Looking over a page as a screen does, and as a screen reader would."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.browser.conftest import Browser

AXE = Path(__file__).parents[2] / ".node_modules" / "axe-core" / "axe.min.js"
SERIOUS = {"serious", "critical"}


@dataclass
class Looked:
    """What one round over every page and dialog found: pages wider than the screen, and what axe finds grave."""

    wide: dict[str, int] = field(default_factory=dict)
    grave: dict[str, list[str]] = field(default_factory=dict)

    def at(self, browser: Browser, page: str, width: int) -> None:
        """Look at the page that is open, on a screen so many pixels wide."""
        seen = cast(int, browser.run("return document.documentElement.scrollWidth"))
        if seen > width:
            self.wide[page] = seen
        if broken := _axe(browser):
            self.grave[page] = broken


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
