"""A short run of the reload benchmark: real processes, a handful of versions, nothing lost, doubled or mixed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.benchmarks.reload import run
from tools.benchmarks.reload_versions import Manner, Written

MANNERS = (Manner.BROKEN, Manner.CRASHING, Manner.SLOW, Manner.RIGHT)


@pytest.mark.timeout(300)
def test_versions_of_all_manners_come_and_go_under_load_and_no_update_is_hurt(server_folder: Path) -> None:
    versions = [Written(number, manner) for number, manner in enumerate(MANNERS, 1)]
    outcome = run(server_folder / "reload", versions, rate=60, log=server_folder / "reload.log", workers=1)
    assert {name: count for name, count in outcome.faults.items() if name != "bad over 10 s"} == {
        "lost": 0,
        "doubled": 0,
        "mixed": 0,
    }
    assert outcome.refused == 0
    answered = [int(said.partition("-")[0]) for _, _, said, *_ in outcome.replies]
    assert set(answered) <= {0, 3, 4}  # the second failed whatever it got, and went by itself
    assert max(answered) > 0
    assert all(loading > 0 and waiting > 0 for loading, waiting in outcome.parts)
    assert len(outcome.course.bad) == 1
