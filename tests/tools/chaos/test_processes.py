"""The harness's supervisor: whom it kills, and which deaths were not its doing."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tools.chaos import faults, processes
from tools.chaos.installation import Installation
from tools.chaos.processes import Keeper, state
from tools.chaos.recorder import KILLED, KILLED_CHILD, Incident, Recorder
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


class Book:
    """Notes how the processes of a program are when outboxes are read."""

    def __init__(self, keeper: Keeper, name: str) -> None:
        self._keeper, self._name = keeper, name
        self.states: set[str] = set()
        self.incidents: list[Incident] = []
        self.given: set[str] | None = None

    def waiting(self) -> set[str]:
        self.states = states(self._keeper, self._name)
        return {"a message"}

    def sample(self, _incident: Incident, waiting: set[str] | None = None) -> None:
        self.given = waiting


def states(keeper: Keeper, name: str) -> set[str]:
    return set(map(state, keeper.family(name)))


@pytest.mark.parametrize(("seed", "name"), [(0, KILLED), (1, KILLED_CHILD)])
def test_outboxes_are_read_while_the_victim_stands_still(keeper: Keeper, seed: int, name: str) -> None:
    """Else its successor may have sent again, and settled, what was in flight before anybody looked."""
    [child], book = keeper.children("web"), Book(keeper, "web")
    place = cast(Installation, SimpleNamespace(keeper=keeper))
    faults.kill("web")(place, cast(Recorder, book), random.Random(seed))
    assert book.states == {"T"}
    assert book.given == {"a message"}
    assert [incident.name for incident in book.incidents] == [name]
    replaced(keeper, "web", child)
    assert "T" not in states(keeper, "web")


def test_a_frozen_program_stands_still_with_what_it_forked_meanwhile(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids, asked = keeper.family("clock"), list[int]()

    def late(pid: int) -> str:
        asked.append(pid)
        return "R" if len(asked) < 3 else state(pid)

    monkeypatch.setattr(processes, "state", late)
    monkeypatch.setattr(keeper, "family", lambda _name: pids[:1] if len(asked) < 2 else pids)
    assert keeper.freeze("clock") == pids
    assert len(asked) > 3
    assert {state(pid) for pid in pids} == {"T"}
    keeper.thaw(pids)
    monkeypatch.undo()
    assert not {state(pid) for pid in pids} & {"T"}
