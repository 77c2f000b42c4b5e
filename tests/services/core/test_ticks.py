"""What a process does again and again it does at common moments."""

from __future__ import annotations

import os
import time

import pytest

from services.core import ticks
from services.core.ticks import until_tick


def test_whoever_waits_wakes_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = set()
    for now in (100.0, 100.2, 100.7):
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        moments.add(round((now + until_tick(1.0) + os.getpid() * ticks.APART) % 1.0, 6) % 1.0)
    assert moments == {0.0}


@pytest.mark.parametrize("seconds", [0.01, 1.0, 5.0])
def test_whoever_wakes_a_little_early_does_not_wake_twice(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    for step in range(100):
        monkeypatch.setattr(time, "monotonic", lambda step=step: 100 + step / 100 * seconds)
        assert ticks.TOO_SOON * seconds < until_tick(seconds) <= (1 + ticks.TOO_SOON) * seconds
