"""A live flow that is edited with people inside: engine and model agree about everybody, and would be seen not to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.flows.engine import Engine
from plugins.flows.run import Outcome
from tools.benchmarks.flow_edits import play
from tools.benchmarks.flow_world import Differences


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_nobody_is_stranded_shown_twice_or_lost_by_edits(seed: int) -> None:
    world = play(edits=25, people=40, seed=seed)
    assert world.differences == Differences()
    assert world.events > 100


def test_an_engine_that_forgets_people_who_were_moved_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "moved", lambda engine: Outcome(engine.run))
    assert play(edits=40, people=40, seed=1).differences.lost > 0
