"""The measurements of the redirect engine in a very short form: that they measure, and count right; no timings."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.benchmarks import change, kills, memory, one_address, redirect, steady, sweeping, throughput
from tools.benchmarks.figures import Figure
from tools.benchmarks.installation import Fleet, Installation, installation, seed
from tools.benchmarks.load import Load
from tools.benchmarks.servers import ROOT


def test_every_answered_click_of_the_comparison_is_in_the_stream(tmp_path: Path) -> None:
    measured = throughput.run(tmp_path, seconds=0.3, rounds=1)
    [ours], [view], [bare], [plain] = measured.ours, measured.view, measured.bare, measured.plain
    assert [set(run.load.statuses) for run in (ours, view, bare, plain)] == [{"302"}] * 4
    for run in (ours, view):
        assert run.written == run.load.answered > 0
        assert 0 < run.script_calls <= run.written
    assert bare.written == plain.written == 0
    assert measured.statements_per_click == 0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("house")) as home:
        yield home


@pytest.fixture(scope="module")
def fleet(home: Installation) -> Fleet:
    return seed(home, bots=3)


def test_every_click_at_the_steady_rate_is_timed_in_the_server(
    home: Installation, fleet: Fleet, tmp_path: Path
) -> None:
    measured = steady.run_in(home, tmp_path, seconds=1, rate=100)
    assert measured.load.statuses == {"302": measured.load.asked}
    assert 50 <= measured.load.asked <= 101
    assert len(measured.in_server) == len(measured.in_application) == measured.load.asked
    assert measured.in_server[0] > measured.in_application[0] > 0


def test_changes_are_seen_in_the_trace_of_the_clicks(home: Installation, fleet: Fleet) -> None:
    measured = change.run_in(home, fleet, changes=1, rate=60)
    assert set(measured.load.statuses) == {"302"}
    assert len(measured.delays) == 1
    assert measured.delays[0] < change.REST_SECONDS


def test_every_fifth_bot_of_the_sweep_is_silent(tmp_path: Path) -> None:
    report = sweeping.run(tmp_path, bots=10).report
    assert (report["bots"], report["good"], report["transient"]) == (10, 8, 2)


def test_every_pool_and_bot_is_served_before_memory_is_read(tmp_path: Path) -> None:
    measured = memory.run(tmp_path, bots=10, pools=5)
    assert measured.clicks == {"302": 5 * memory.CLICKS_PER_POOL}
    assert (measured.updates, measured.statuses) == ({200: 10}, {200: 5})
    assert 0 < measured.pss_mb <= measured.rss_mb


def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    storm = kills.run(tmp_path, kills=2, clicks=500)
    assert (storm.lost, storm.doubled) == (0, 0)
    assert storm.killed.total() == 2
    assert len(storm.tokens) >= 500


def test_nobody_behind_one_address_is_refused_unless_asked_for(tmp_path: Path) -> None:
    measured = one_address.run(tmp_path, visitors=200)
    assert (measured.refused, measured.written) == (0, 200)
    expected = {"302": one_address.LIMIT, "429": 200 - one_address.LIMIT}
    assert measured.rejecting.statuses == expected, measured.log[-4000:]


def test_a_lost_and_a_doubled_click_are_found() -> None:
    storm = kills.Storm(["a", "b", "b", "c"], Counter(), Counter(), {"a", "b"}, (2, 3, 2))
    assert (storm.lost, storm.doubled) == (1, 2)
    assert storm.figures()[0].verdict == "MISSED"


def test_late_clicks_are_found_in_a_trace() -> None:
    trace = [
        (0.9, 1.0, "http://t.me/a_bot?start=x"),
        (1.4, 1.5, "http://t.me/a_bot?start=x"),
        (1.8, 1.9, "http://t.me/b_bot?start=x"),
    ]
    load = Load(2, 3, trace=trace)
    assert change._last(load, "a_bot", 1.2, 2.0) == pytest.approx(0.3)
    assert change._last(load, "a_bot", 1.6, 2.0) == 0


@pytest.mark.parametrize(
    ("value", "at_least", "verdict"),
    [
        (7.9, False, "aim"),
        (8.0, False, "must"),
        (15.0, False, "MISSED"),
        (15.0, True, "aim"),
        (7.9, True, "MISSED"),
    ],
)
def test_a_figure_knows_how_it_stands(value: float, at_least: bool, verdict: str) -> None:
    must, aim = (8, 15) if at_least else (15, 8)
    assert Figure("p99", value, "ms", must, aim, at_least).verdict == verdict


def test_every_measurement_is_described() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    listed = re.search(r'--only steady,kills"` \| some rows: (.*) \|', text)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == list(redirect.measurements(argparse.Namespace(quick=True)))
