"""The harness's supervisor: whom it kills, and which deaths were not its doing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.chaos.processes import Keeper
from tools.servers.sandbox import wait_until

FORKING = ["sh", "-c", "while :; do sleep 60 & wait $!; done"]  # another child when one dies
ENDING_ALIKE = ["sh", "-c", "sleep 60 & wait $!; kill -9 $$"]


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    commands = {"web": FORKING, "worker": ENDING_ALIKE, "clock": FORKING}
    kept = Keeper(commands, {}, tmp_path / "log", ("web", "worker"))
    for name in commands:
        kept.start(name)
    wait_until(lambda: all(map(kept.children, commands)))
    kept.watch()
    wait_until(lambda: all(kept._forked.get(kept.pid(name)) for name in ("web", "worker")))  # seen once
    yield kept
    for name in commands:
        kept.kill(name, again=False)
    kept.close()


def replaced(keeper: Keeper, name: str, child: int) -> None:
    wait_until(lambda: keeper.is_running(name) and set(keeper.children(name)) - {child})


def test_a_masters_child_is_killed_alone_and_that_is_no_death_of_its_own(keeper: Keeper) -> None:
    master, [child] = keeper.pid("web"), keeper.children("web")
    assert keeper.kill_child("web")
    replaced(keeper, "web", child)
    assert keeper.pid("web") == master
    wait_until(lambda: child not in keeper._forked[master])  # the death was looked at
    assert keeper.own_deaths == []


def test_a_master_that_ends_as_its_killed_child_did_was_killed_as_well(keeper: Keeper) -> None:
    [child] = keeper.children("worker")
    assert keeper.kill_child("worker")
    wait_until(lambda: keeper.restarts.get("worker"))
    replaced(keeper, "worker", child)
    assert keeper.own_deaths == []


def test_a_child_that_dies_by_itself_is_a_death_of_its_program(keeper: Keeper) -> None:
    [child] = keeper.children("web")
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: [name for _, name in keeper.own_deaths] == ["web"])


def test_who_is_no_master_has_no_child_to_be_killed(keeper: Keeper) -> None:
    [child] = keeper.children("clock")
    assert not keeper.kill_child("clock")
    assert keeper.children("clock") == [child]


def test_a_kill_is_of_the_whole_family(keeper: Keeper) -> None:
    [child] = keeper.children("web")
    keeper.kill("web")
    wait_until(lambda: not Path(f"/proc/{child}").exists())
    replaced(keeper, "web", child)
    assert keeper.restarts["web"] == 1
