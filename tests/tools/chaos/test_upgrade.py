"""The upgrade under traffic: where the former release comes from, and that each row of its table can fail.

The whole run, an installation of two releases, is a command of its own: `make chaos OPTIONS="--upgrade"` (docs/upgrading.md).
"""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from launch.ports import free_port
from tools.chaos.checker import Invariant
from tools.chaos.upgrade import balancer
from tools.chaos.upgrade.balancer import Gate
from tools.chaos.upgrade.clicks import Answer, click_id
from tools.chaos.upgrade.former import NoHistory, former_release, this_release
from tools.chaos.upgrade.verdict import Stored, clicks, served


def git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Four commits, each with a migration more; the third came by a merge."""
    folder = tmp_path / "repository"
    (folder / "migrations" / "versions").mkdir(parents=True)
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    _commit(folder, "0001")
    _commit(folder, "0002")
    git(folder, "checkout", "-q", "-b", "side")
    _commit(folder, "0003")
    git(folder, "checkout", "-q", "main")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "side")
    _commit(folder, "0004")
    return folder


def _commit(folder: Path, number: str) -> None:
    (folder / "migrations" / "versions" / f"{number}_step.py").write_text(number)
    (folder / "requirements.lock").write_text("flask==3.1.0 \\\n    --hash=sha256:1\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", number)


def test_the_release_before_the_last_two_schemas_comes_out_of_the_history(repository: Path) -> None:
    former = former_release(repository.parent / "former", repository=repository)
    assert former.schema == "0002"
    assert former.python == sys.executable
    assert not (former.folder / "migrations" / "versions" / "0003_step.py").exists()


def test_a_release_may_be_named(repository: Path) -> None:
    former = former_release(repository.parent / "former", "main~1", repository=repository)
    assert (former.schema, former.name.partition(" ")[0]) == ("0003", "main~1")


@pytest.mark.parametrize("ref", ["", "v9"])
def test_without_the_history_it_says_what_to_do(repository: Path, ref: str) -> None:
    shallow = repository.parent / "shallow"
    url = f"file://{repository}"
    subprocess.run(["git", "clone", "-q", "--depth=1", url, str(shallow)], check=True, capture_output=True)
    with pytest.raises(NoHistory, match="--unshallow"):
        former_release(repository.parent / "former", ref, repository=shallow)


def test_this_release_has_the_programs_of_its_procfile() -> None:
    assert this_release().has_programs


def answer(status: int = 302, click: str = "a", error: str = "") -> Answer:
    return Answer(0.0, status, click, 0.01, error)


def violated(rows: list[Invariant]) -> dict[str, int]:
    return {row.name: row.violations for row in rows if row.violations}


def test_a_run_in_which_all_is_well_holds() -> None:
    found = clicks([answer(click="a"), answer(click="b")], Stored(frozenset("abz"), 3))
    assert violated([*found, *served({"go": Counter({302: 2}), "webhook": Counter({200: 5})})]) == {}


@pytest.mark.parametrize(
    ("answers", "rows", "counted", "wrong"),
    [
        ([answer(0, "", "reset")], "a", 1, {"visitors without an answer": 1}),
        ([answer(502, "")], "a", 1, {"visitors not led to a bot": 1}),
        ([answer(302, "")], "a", 1, {"visitors not led to a bot": 1}),
        ([answer(click="b")], "a", 1, {"clicks lost": 1}),
        ([answer(), answer()], "a", 1, {"clicks given out or counted twice": 1}),
        ([answer()], "a", 3, {"clicks given out or counted twice": 2}),
        ([answer()], "ab", 1, {"clicks not counted": 1}),
    ],
)
def test_each_row_of_clicks_fails_on_what_it_is_there_for(
    answers: list[Answer], rows: str, counted: int, wrong: dict[str, int]
) -> None:
    assert violated(clicks(answers, Stored(frozenset(rows), counted))) == wrong


def test_answers_of_the_balancer_itself_count_as_well(tmp_path: Path) -> None:
    lines = (
        '{"request": {"uri": "/webhook/x/y"}, "status": 502}',
        '{"request": {"uri": "/go/s?a"}, "status": 0}',
    )
    (tmp_path / "access.log").write_text("\n".join(lines))
    found = served(balancer.answers(tmp_path))
    assert violated(found) == {"5xx to /go": 1, "5xx to /webhook": 1}


def test_a_gate_opens_and_shuts() -> None:
    gate = Gate("127.0.0.1", port := free_port())
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as found:
            assert found.status == 200
        gate.is_open = False
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
    finally:
        gate.close()


def test_the_click_is_what_stands_last_in_the_start_parameter() -> None:
    assert click_id("https://t.me/one_bot?start=go_r_0123456789ab") == "0123456789ab"
    assert click_id("https://example.org/closed") == ""
