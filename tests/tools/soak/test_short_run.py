"""A long run in its short form: what it watches, what retention takes away meanwhile. Whether anything grows takes longer to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.soak.plan import SHORT, Plan
from tools.soak.report import report
from tools.soak.run import run

WATCHED = (
    "memory/worker",
    "descriptors/poller",
    "threads/web",
    "redis/memory",
    "rows/leads",
    "metrics/all",
    "log/all",
)


@pytest.mark.timeout(240)
def test_everything_that_could_grow_is_watched_while_people_come(server_folder: Path) -> None:
    outcome = run(server_folder / "soak", SHORT, lambda _: None)
    told = report(outcome, outcome.verdicts())
    assert not [each for each in outcome.failures() if "samples" not in each], told
    assert outcome.looks, told
    last = outcome.looks[-1].values
    watched = {name.partition("/")[2] for name in last if name.startswith("memory/")}
    assert watched == {"telegram", "valkey", *SHORT.programs}
    assert not [name for name in WATCHED if not last[name]]
    assert not [name for name in last if "unknown" in name]
    assert outcome.deleted > 0
    assert last["rows/starts"] < outcome.looks[-1].work.clicks


def test_a_plan_spreads_polling_bots_over_links() -> None:
    assert Plan().pools == [75, 75, 75, 75]
    assert SHORT.pools == [SHORT.polling_bots]
    assert Plan(minutes=30).factor == 24
