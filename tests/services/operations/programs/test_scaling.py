"""How many copies there should be, as a table of what waits when."""

from __future__ import annotations

import pytest

from services.operations.programs.scaling import Scale, Terms, rescaled

USUAL = Terms(least=0, most=10, idle_seconds=60, cooldown_seconds=30)
ONE_KEPT = Terms(least=1, most=10, idle_seconds=60, cooldown_seconds=30)
AT_MOST_3 = Terms(least=0, most=3, idle_seconds=60, cooldown_seconds=30)
# What is told: (second, updates that wait) -> copies wanted then.
CASES: tuple[tuple[str, Terms, list[tuple[float, int, int]]], ...] = (
    ("nobody writes: none", USUAL, [(0, 0, 0), (3600, 0, 0)]),
    ("the first message wakes one", USUAL, [(0, 1, 1)]),
    ("five for each, the sixth needs another", USUAL, [(0, 5, 1), (1, 6, 2), (2, 10, 2), (3, 11, 3)]),
    ("at most twice as many in a step", USUAL, [(0, 100, 1), (1, 100, 2), (2, 100, 4), (3, 100, 8), (4, 100, 10)]),
    ("never more than the most", AT_MOST_3, [(0, 500, 1), (1, 500, 2), (2, 500, 3), (3, 500, 3)]),
    ("never fewer than the least", ONE_KEPT, [(0, 0, 1), (10_000, 0, 1)]),
    ("the last one stays for the idle time", USUAL, [(0, 1, 1), (1, 0, 1), (59, 0, 1), (60, 0, 0)]),
    ("idle time begins anew with each message", USUAL, [(0, 1, 1), (59, 1, 1), (100, 0, 1), (118, 0, 1), (119, 0, 0)]),
    ("one that just left is woken at once", USUAL, [(0, 1, 1), (60, 0, 0), (61, 1, 1)]),
    ("fewer only after the cool-down", USUAL, [(0, 20, 1), (1, 20, 2), (2, 20, 4), (3, 5, 4), (32, 5, 4), (33, 5, 1)]),
    ("fewer are as many as the cool-down needed", USUAL, [(0, 20, 1), (1, 20, 2), (2, 20, 4), (3, 1, 4), (9, 14, 4), (33, 1, 3)]),
    ("what comes and goes within the cool-down changes nothing", USUAL,
     [(0, 20, 1), (1, 20, 2), (2, 20, 4), *[(3 + at * 10, (1, 20)[at % 2], 4) for at in range(20)]]),
    ("emptied at once, one is kept until idle", USUAL, [(0, 20, 1), (1, 20, 2), (2, 0, 2), (31, 0, 2), (32, 0, 1), (60, 0, 1), (61, 0, 0)]),
)  # fmt: skip


@pytest.mark.parametrize(("terms", "steps"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_copies_follow_what_waits(terms: Terms, steps: list[tuple[float, int, int]]) -> None:
    scale, found = Scale(), []
    for now, lag, _ in steps:
        scale = rescaled(scale, terms, lag, now)
        found.append((now, lag, scale.copies))
    assert found == steps


def test_changed_bounds_hold_at_once() -> None:
    assert rescaled(Scale(10, 0.0), AT_MOST_3, 500, 1).copies == 3
    assert rescaled(Scale(0), Terms(4, 10, 60, 30), 0, 1).copies == 1
    assert rescaled(Scale(1), Terms(4, 10, 60, 30), 0, 2).copies == 2
