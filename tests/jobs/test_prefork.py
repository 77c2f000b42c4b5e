"""The process that a supervisor starts, and the one it forks that works: who replaces whom, and how both end."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest

from jobs.prefork import MOST_DEATHS
from models import Bot
from services.core.settings import Settings
from services.platform.platform import Platform
from services.queueing.heartbeats import processes
from tools.chaos.processes import catches
from tools.servers.fleet import WorkerProcess, accept_all, add_bot, message, reconciling, worker_process
from tools.servers.process_tree import children
from tools.servers.sandbox import Sandbox, wait_until

LIVED_SECONDS = 1.1  # longer than what a worker's master leaves to its supervisor
SOON, LATER = 60.0, 0.1  # s: what other masters leave to theirs
DEAF = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None)\nwhile True: time.sleep(1)"


def serving(main: str, least: float) -> tuple[str, str]:
    """A program whose child runs the lines `main`, and is replaced when it lived for `least` seconds."""
    lines = "\n".join(f" {line}" for line in main.splitlines())
    program = f"import os, sys, time\nfrom jobs import prefork\ndef main():\n{lines}\nprefork.serve('worker', main, {least})"
    return ("-c", program)


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    """A bot at the sandbox that repeats what it is told."""
    return add_bot(platform, sandbox.create_bot())


def texts(sandbox: Sandbox, bot: Bot) -> list[str]:
    return [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]


def child_of(worker: WorkerProcess, but: int = 0) -> int:
    """The process that works, once there is one other than `but`."""
    wait_until(lambda: set(children(worker.process.pid)) - {but})
    [child] = set(children(worker.process.pid)) - {but}
    return child


def test_a_killed_worker_is_replaced_by_its_master_and_what_it_had_is_answered(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    user = int(sandbox.create_user()["id"])
    sandbox.start(user, bot.username)
    with reconciling(platform), worker_process(settings) as worker:
        child = child_of(worker)
        accept_all(platform, bot, [message(1, user, "one")])
        wait_until(lambda: texts(sandbox, bot) == ["one"])
        time.sleep(LIVED_SECONDS)
        accept_all(platform, bot, [message(n, user, f"{n}") for n in range(2, 8)])
        os.kill(child, signal.SIGKILL)
        other = child_of(worker, but=child)
        wait_until(lambda: list(dict.fromkeys(texts(sandbox, bot))) == ["one", *map(str, range(2, 8))])
        wait_until(lambda: [each.name.rpartition(":")[2] for each in processes(platform)] == [str(other)])
        assert "ended by signal 9; another one takes its place" in worker.log
        assert worker.terminate() == 0
    assert not os.path.exists(f"/proc/{other}")


def test_who_dies_at_once_is_not_replaced_and_the_master_ends_alike(settings: Settings) -> None:
    with worker_process(settings, serving("sys.exit(3)", SOON)) as worker:
        assert worker.process.wait(30) == 3
    with worker_process(settings, serving("os.kill(os.getpid(), 11)", SOON)) as worker:
        assert worker.process.wait(30) == -signal.SIGSEGV


def test_who_ends_by_itself_ends_the_master(settings: Settings) -> None:
    with worker_process(settings, serving("time.sleep(0.3)", LATER)) as worker:
        assert worker.process.wait(30) == 0


def test_who_dies_again_and_again_is_replaced_a_few_times_only(settings: Settings) -> None:
    with worker_process(settings, serving("time.sleep(0.2)\nos._exit(70)", LATER)) as worker:
        assert worker.process.wait(30) == 70
        wait_until(lambda: worker.log.count("ended with exit code 70; another one") == MOST_DEATHS - 1)


def test_who_was_told_to_end_is_not_replaced_however_it_ends(settings: Settings) -> None:
    with worker_process(settings, serving(DEAF, LATER)) as worker:
        child = child_of(worker)
        wait_until(partial(catches, child, signal.SIGTERM))
        worker.process.terminate()
        time.sleep(2 * LATER)  # it does not heed
        os.kill(child, signal.SIGKILL)
        assert worker.process.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_signals_end_a_worker_in_order(
    platform: Platform, settings: Settings, number: signal.Signals
) -> None:
    with worker_process(settings) as worker:
        wait_until(lambda: processes(platform))
        worker.process.send_signal(number)
        assert worker.process.wait(25) == 0
    assert not processes(platform)


def test_a_worker_whose_master_is_killed_hands_back_and_ends(platform: Platform, settings: Settings) -> None:
    with worker_process(settings) as worker:
        child = child_of(worker)
        wait_until(lambda: processes(platform))
        os.kill(worker.process.pid, signal.SIGKILL)
        wait_until(partial(_is_gone, child))
    assert not processes(platform)  # it said farewell


def _is_gone(process_id: int) -> bool:
    return not os.path.exists(f"/proc/{process_id}")
