"""The measurements of the update road in a very short form: that they measure, and count right; no timings."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tools.benchmarks import pipeline, pipeline_kills
from tools.benchmarks.peers import leads
from tools.benchmarks.pipeline_runs import QUICK, Notes, ratio_figure
from tools.benchmarks.servers import ROOT
from tools.benchmarks.telegram import Run, Telegram


def test_a_killed_worker_loses_nothing_and_the_report_says_what_was_sent_twice(tmp_path: Path) -> None:
    notes = Notes(
        tmp_path, tmp_path / "log", replace(QUICK, bots=3, chats=4, kills=1, killed=60), peers=False
    )
    extra, lost, disordered = pipeline_kills.kills(notes)
    [report] = notes.of("kills")
    assert (report["posted"], report["replies"], report["refused"]) == (60, 60, 0)
    assert (lost.value, disordered.value, extra.value) == (0, 0, report["repeated"])


def replies(said: list[int], marks: list[int], late: Mapping[int, float] = MappingProxyType({})) -> Telegram:
    telegram = Telegram()
    chats = {1: ("a", 5), 2: ("b", 5), 3: ("a", 5), 4: ("a", 5)}
    posted, taken = {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}, {1: 0.15, 2: 0.25, 3: 0.35, 4: 0.45, **late}
    telegram._run = Run(4, 0, 4, marks=marks, posted=posted, taken=taken, chats=chats)
    for number in said:
        telegram._note(b'{"chat_id": 5, "text": "m%d"}' % number, 1.0)
    return telegram


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ([1, 2, 3, 4], (4, 0, 0)),
        ([2, 1, 3, 4], (4, 0, 0)),
        ([1, 2, 4, 3], (4, 0, 1)),
        ([1, 3, 1, 3, 4], (3, 2, 0)),
        ([9, 1], (1, 0, 0)),
    ],
)
def test_what_is_missing_sent_twice_or_late_in_its_chat_is_counted(
    said: list[int], counted: tuple[int, int, int]
) -> None:
    run = replies(said, [])._run
    assert (len(run.replied), run.repeated, run.disordered) == counted


def test_posts_that_were_on_their_way_at_once_have_no_order() -> None:
    assert replies([1, 2, 4, 3], [], late={3: 0.41})._run.disordered == 0


def test_each_mark_is_told_once_and_repeated_replies_bring_it_no_nearer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    replies([1, 1, 2, 3], [2, 3])
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [{"mark": 2}, {"mark": 3}]


def test_every_stranger_is_somebody_else_and_known_people_come_again() -> None:
    telegram, known, strangers = Telegram(), Run(3, 0, 3), Run(3, 0, 3, strangers=True)
    assert len({telegram._person(strangers, 0) for _ in range(3)}) == 3
    assert {telegram._person(known, 7) for _ in range(3)} == {1_000_007}


def test_a_peer_writes_new_people_changed_names_and_old_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, clock = tmp_path / "leads.sqlite3", [1000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    kept, other = leads.Leads(str(file)), sqlite3.connect(file)
    versions = [_version(other)]
    for moment, name in ((1000, "Ana"), (1100, "Ana"), (1200, "Bia"), (1799, "Bia"), (1900, "Bia")):
        clock[0] = moment
        kept.keep(1, 5, (name, "", "", "pt-br"))
        versions.append(_version(other))
    written = [after != before for before, after in pairwise(versions)]
    assert written == [True, False, True, False, True]
    row = other.execute("select first_name, first_interaction, last_interaction from leads").fetchall()
    assert row == [("Bia", 1000.0, 1900.0)]


def _version(connection: sqlite3.Connection) -> int:
    """Another after each commit of another connection."""
    return int(connection.execute("pragma data_version").fetchone()[0])


def report(rate: float) -> dict[str, Any]:
    return {"rate": rate, "cpu_ms": 1.0, "load": 0.5}


def test_rounds_are_compared_with_their_neighbours_and_told_as_one_line() -> None:
    figure = ratio_figure("new over known", [report(100), report(90)], [report(50), report(300)], 0.7, 0.9)
    assert (figure.value, figure.verdict) == (1.15, "aim")
    assert figure.detail.startswith("0.30 to 2.00; replies/s 100 90 over 50 300")
    found = json.loads(pipeline.as_json([figure], {"people": {"known": [report(50)]}}))
    assert found["figures"][0]["verdict"] == "aim"
    assert found["reports"]["people"]["known"][0]["rate"] == 50


def test_every_row_is_described() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    listed = re.search(r"some rows, ours alone: (.*) \|", text)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == list(pipeline.ROWS)
