"""A short storm: processes that work at ledgers and outboxes are killed, and everybody gets one message at most."""

from __future__ import annotations

from pathlib import Path

from tools.benchmarks.broadcast import storm
from tools.benchmarks.broadcast_house import LIGHT_WORKER, STEP_WORKER, broadcast_house


def test_kills_in_the_middle_of_a_step_lose_and_double_nobody(tmp_path: Path) -> None:
    people = 100
    with broadcast_house(tmp_path, people, 5, STEP_WORKER, of_step=True) as house:
        toll = storm(house, people, kills=1, between=2.0, per_second=8, processes=1)
    assert (toll.missing, toll.doubled, toll.extra, toll.unsent) == (0, 0, 0, 0)
    assert toll.kills >= 1
    assert toll.uncertain < people / 5


def test_kills_in_the_middle_of_a_broadcast_lose_and_double_nobody(tmp_path: Path) -> None:
    people = 300
    with broadcast_house(tmp_path, people, 5, LIGHT_WORKER) as house:
        toll = storm(house, people, kills=3, between=2.0, per_second=6, processes=2)
    assert (toll.missing, toll.doubled, toll.extra, toll.unsent) == (0, 0, 0, 0)
    assert toll.kills >= 1
    assert toll.uncertain < people / 10
