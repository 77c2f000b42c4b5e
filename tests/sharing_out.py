"""In which order files go to the processes that run them, and which files stay together."""

from __future__ import annotations

from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

HERE = Path(__file__).parent
STARTS_PROGRAMS = ("tools/chaos", "tools/attack", "browser", "launch", "tools", "jobs", "commands")
BROWSER, SYNTAX = "tests/browser/", "tests/architecture/"
TOGETHER = {
    BROWSER: BROWSER,  # they share an installation and a Chromium
    SYNTAX: SYNTAX,  # they share the syntax trees of all our files
    "tests/tools/sandbox/test_independence.py": SYNTAX,
    "tests/services/platform/redis/test_scripts.py": SYNTAX,
}


class FilesByNeed(LoadFileScheduling):  # type: ignore[misc]
    """Each file to one process; those that share what is dear to make, all to the same."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False  # it puts files of few tests last, which are the longest
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        shared = (scope for begin, scope in TOGETHER.items() if nodeid.startswith(begin))
        return next(shared, "") or str(super()._split_scope(nodeid))


def programs_first(items: list[pytest.Item]) -> None:
    """Order the tests so that what starts programs and waits comes first: last, it would keep one process busy alone."""
    items.sort(key=lambda item: _turn(item.path.relative_to(HERE).as_posix()))


def _turn(path: str) -> int:
    turns = (number for number, folder in enumerate(STARTS_PROGRAMS) if path.startswith(f"{folder}/"))
    return next(turns, len(STARTS_PROGRAMS))
