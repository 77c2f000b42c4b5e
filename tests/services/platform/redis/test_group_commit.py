"""Group commit when a caller is killed: the others go on, and what it waited for is not written behind its back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from services.platform.redis.group_commit import GroupCommit
from tools.servers.sandbox import wait_until

PATIENCE = 30  # seconds that only a hang reaches


class Killed(BaseException):
    """What a greenlet gets that is killed."""


class Killable(threading.Event):
    """An event whose waiting callers can be killed by name of their thread."""

    dying: frozenset[str] = frozenset()
    waiting = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        Killable.waiting.release()
        while not super().wait(0.01):
            if threading.current_thread().name in Killable.dying:
                raise Killed
        return True


@pytest.fixture
def killable(monkeypatch: pytest.MonkeyPatch) -> type[Killable]:
    monkeypatch.setattr(
        "services.platform.redis.group_commit.threading", SimpleNamespace(Event=Killable, Lock=threading.Lock)
    )
    monkeypatch.setattr(Killable, "dying", frozenset())
    monkeypatch.setattr(Killable, "waiting", threading.Semaphore(0))
    return Killable


def in_thread(name: str, work: Callable[[], object], ends: list[str]) -> threading.Thread:
    def run() -> None:
        try:
            ends.append(f"{name}:{work()}")
        except Killed:
            ends.append(f"{name}:killed")

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def test_a_waiter_that_is_killed_leaves_its_place_to_the_next(killable: type[Killable]) -> None:
    go, ends, batches = threading.Semaphore(0), list[str](), list[list[str]]()
    first_travels = threading.Semaphore(0)

    def write(items: Sequence[str]) -> list[str]:
        batches.append(list(items))
        if items[0] == "first":
            first_travels.release()
            assert go.acquire(timeout=PATIENCE)
        return [item.upper() for item in items]

    commit = GroupCommit(write)
    threads = [in_thread("first", lambda: commit.submit("first"), ends)]
    assert first_travels.acquire(timeout=PATIENCE)
    for name in ("second", "third"):
        threads.append(in_thread(name, lambda name=name: commit.submit(name), ends))  # type: ignore[misc]
        assert killable.waiting.acquire(timeout=PATIENCE)
    killable.dying = frozenset({"second"})
    threads[1].join(PATIENCE)
    go.release()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(ends) == ["first:FIRST", "second:killed", "third:THIRD"]
    assert batches == [["first"], ["third"]]


def test_a_leader_that_is_killed_before_it_writes_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = GroupCommit[str, str](lambda items: list(items))
    sleeps = iter([Killed()])

    def killed_once(_seconds: float) -> None:
        for death in sleeps:
            raise death

    monkeypatch.setattr("services.platform.redis.group_commit.time", SimpleNamespace(sleep=killed_once))
    with pytest.raises(Killed):
        commit.submit("one")
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(commit.submit, "two").result(PATIENCE) == "two"


def test_whoever_leads_a_full_batch_does_not_wait_for_more() -> None:
    gathered: list[int] = []
    leaving, entered = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> list[int]:
        entered.set()
        assert leaving.wait(PATIENCE)
        return [*items]

    commit: GroupCommit[int, int] = GroupCommit(write, largest=2, gather=lambda: gathered.append(1))
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(commit.submit, 0)]
        assert entered.wait(PATIENCE)
        answers += [pool.submit(commit.submit, number) for number in (1, 2, 3)]
        while len(commit._waiting) < 3:
            threading.Event().wait(0.005)
        leaving.set()
        assert sorted(answer.result(PATIENCE) for answer in answers) == [0, 1, 2, 3]
    assert len(gathered) == 2  # the first and the last of three batches


def test_while_callers_come_close_together_a_batch_waits_for_more() -> None:
    batches: list[list[int]] = []
    go = threading.Semaphore(0)

    def write(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        assert go.acquire(timeout=PATIENCE)
        return [*items]

    commit: GroupCommit[int, int] = GroupCommit(write, delay=0.5)
    with ThreadPoolExecutor(8) as pool:

        def submit(*numbers: int) -> list[Future[int]]:
            return [pool.submit(commit.submit, number) for number in numbers]

        answers = submit(0)
        wait_until(lambda: len(batches) == 1)
        answers += submit(1, 2, 3, 4)
        wait_until(lambda: len(commit._waiting) == 4)
        go.release()
        wait_until(lambda: len(batches) == 2)
        answers += submit(5)
        wait_until(lambda: len(commit._waiting) == 1)
        go.release()
        wait_until(lambda: all(answer.done() for answer in answers[:5]))
        answers += submit(6)  # the leader of the next batch waits now
        go.release(2)
        assert [answer.result(PATIENCE) for answer in answers] == [*range(7)]
    assert batches[0] == [0]
    assert sorted(batches[1]) == [1, 2, 3, 4]
    assert batches[2:] == [[5, 6]]
