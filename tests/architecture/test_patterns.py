"""Every compiled pattern of ours meets texts of strangers: twice the text must not cost four times the time."""

from __future__ import annotations

import importlib
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.architecture.source import product

FOLDERS = {
    "services",
    "web",
    "blueprints",
    "plugins",
    "models",
}  # jobs holds none, and its processes patch on import
LENGTH = 8_000
PIECES = ("1", "a", " ", ":", ".", "-", "_", "/", "@", "{", "\n", "1:", "a.", "://", "; ", "a@a.")
WORTH_TIMING = 0.004  # s of CPU: below it a clock says little, and nobody is held up
MOST_TIMES = 3.0  # for twice the text: 2 when linear, 4 when quadratic
LOOKS = 4
ANCHORED = {"match", "fullmatch"}


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for source in product():
        if source.package in FOLDERS:
            for name, value in vars(importlib.import_module(source.name)).items():
                if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                    yield f"{source.name}.{name}", value


ALL = dict(patterns())


def uses(name: str) -> set[str]:
    """By which methods the pattern is applied anywhere; anything but a match at the beginning counts as a search."""
    found = calls().get(name.rpartition(".")[2], set())
    return {method if method in ANCHORED else "search" for method in found} or {"search"}


@cache
def calls() -> dict[str, set[str]]:
    """The methods of patterns that are called on each name anywhere: one reading of all our text for all patterns."""
    call = re.compile(r"\b(\w+)\.(match|fullmatch|search|sub|subn|findall|finditer|split)\(")
    found = defaultdict(set)
    for source in product():
        for name, method in call.findall(source.text):
            found[name].add(method)
    return found


def beginnings(pattern: re.Pattern[str]) -> list[str]:
    """Runs of plain characters in the pattern: what a text must hold for it to be entered."""
    found = re.findall(r"[A-Za-z0-9/:;~@_⟦!. -]{2,24}", pattern.pattern)
    return sorted({each for each in found if each.strip()}, key=len, reverse=True)


def seconds(apply: Callable[[str], object], text: str) -> float:
    """CPU time of this thread: what else the machine does counts for nothing."""
    began = time.thread_time()
    apply(text)
    return time.thread_time() - began


def grows_badly(apply: Callable[[str], object], piece: str, beginning: str) -> bool:
    """Whether it does whenever it is looked at: a busy machine slows one look, a quadratic pattern every one."""

    def looks_bad() -> bool:
        """Whether the best of three times for twice the text is bad; where the first is not, the best is not either."""
        long, short = (beginning + piece * (times * LENGTH // len(piece)) for times in (2, 1))
        first = seconds(apply, long)
        if first <= WORTH_TIMING:
            return False
        once = seconds(apply, short)
        if once >= WORTH_TIMING:
            once = min(once, seconds(apply, short), seconds(apply, short))
        most = max(WORTH_TIMING, MOST_TIMES * once)
        return first > most and all(seconds(apply, long) > most for _ in range(2))

    return all(looks_bad() for _ in range(LOOKS))


def tries(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    own = beginnings(pattern)
    yield from (("", piece) for piece in (*PIECES, *own))
    yield from ((beginning, piece) for beginning in own[:3] for piece in PIECES)


@cache
def bad(pattern: re.Pattern[str], methods: frozenset[str]) -> list[tuple[str, str, str]]:
    """What makes it grow badly. A pattern that other modules import is theirs by name too, and is tried once."""
    return [
        (method, beginning, piece)
        for method in methods
        for beginning, piece in tries(pattern)
        if grows_badly(getattr(pattern, method), piece, beginning)
    ]


def test_the_patterns_are_found() -> None:
    assert len(ALL) > 25


@pytest.mark.parametrize("name", ALL)
def test_twice_the_text_costs_at_most_about_twice_the_time(name: str) -> None:
    assert bad(ALL[name], frozenset(uses(name))) == []


def test_a_quadratic_pattern_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "LENGTH", LENGTH // 4)  # a sixteenth of the time
    quadratic = re.compile(r"\d{6,}:[A-Za-z0-9_-]{24,}").search
    assert any(
        grows_badly(quadratic, "1", "") for _ in range(3)
    )  # a busy machine may make one look's half slow
