"""The programs process with real programs of owners: it dies, it ends, its Redis is restarted."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.leadership import Leadership
from jobs.programs import gives_way, lead
from launch.ports import free_port
from services.core.settings import Settings
from services.core.worker_settings import WorkerDriver
from services.fleet.workers.copies import copies_of
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.queueing.heartbeats import beat
from tests.services.operations.programs.conftest import processes_of
from tools.servers.fleet import add_bot
from tools.servers.sandbox import wait_until
from tools.servers.valkey import running_valkey

gc.enable()  # as the process does when it begins; importing it switched that off
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs are started by root alone")
PROGRAM = "/bin/sh -c 'setsid sleep 600 & exec sleep 601'"
PROCESSES = 2
START_SECONDS = 40.0


@pytest.fixture
def settings(settings: Settings, server_folder: Path) -> Settings:
    first = 120_000 + os.getpid() % 1000 * 20
    more = {
        "worker_dir": server_folder / "programs-of-a-process",
        "worker_first_uid": first,
        "worker_copies": 4,
    }
    return settings.model_copy(update=more)


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What a programs process of this installation is started with; REDIS_URL is for the test to say."""
    return {
        **os.environ,
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys[0].get_secret_value(),
        "WORKER_DIR": str(settings.worker_dir),
        "WORKER_FIRST_UID": str(settings.worker_first_uid),
        "WORKER_COPIES": str(settings.worker_copies),
    }


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are ended with the test."""
    found: list[subprocess.Popen[bytes]] = []
    yield found
    for process in found:
        process.kill()
        process.wait(10)


def start(environment: dict[str, str], started: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    started.append(subprocess.Popen([sys.executable, "-m", "jobs.programs"], env=environment, umask=0o077))
    return started[-1]


def add_program(platform: Platform) -> int:
    bot = add_bot(platform, {"id": 7001, "username": "worker_bot", "token": "7001:" + "A" * 35})
    admin = Principal(bot.account_id, f"account:{bot.account_id}", is_admin=True)
    give_worker(platform, admin, bot.id, NewWorker(command=PROGRAM, min_replicas=1), start=True)
    return bot.id


def all_run(settings: Settings) -> set[int]:
    """The processes of the one copy, once both are there."""
    wait_until(lambda: len(processes_of(settings)) == PROCESSES, seconds=START_SECONDS)
    return set(processes_of(settings))


def test_programs_go_on_through_a_restart_of_redis_and_end_with_their_process_however_it_ends(
    settings: Settings,
    environment: dict[str, str],
    started: list[subprocess.Popen[bytes]],
    server_folder: Path,
) -> None:
    folder, port = server_folder / "valkey-of-programs", free_port()
    folder.mkdir()
    with running_valkey(folder, port) as url:
        platform = Platform(settings.model_copy(update={"redis_url": url}))
        environment["REDIS_URL"] = url
        bot_id, killed = add_program(platform), start(environment, started)
        before = all_run(settings)
    with running_valkey(folder, port):  # empty: the lease is lost as well
        wait_until(lambda: current(platform, bot_id) == 1, seconds=START_SECONDS)
        assert set(processes_of(settings)) == before
        killed.kill()
        killed.wait()
        wait_until(lambda: not processes_of(settings))
        successor = start(environment, started)
        assert not before & all_run(settings)
        successor.send_signal(signal.SIGTERM)
        assert successor.wait(40) == 0
        assert processes_of(settings) == []
        assert current(platform, bot_id) == 0


def current(platform: Platform, bot_id: int) -> int | None:
    """How many copies are said to run; None while nothing is said."""
    said = copies_of(platform.redis, bot_id)
    return None if said is None else said.current


def test_a_process_that_cannot_start_programs_leaves_the_lead_to_one_that_can(platform: Platform) -> None:
    assert not gives_way(platform)
    beat(platform, "programs@here:1", {"leads": True, "starts": False})
    beat(platform, "worker@here:2", {"starts": True})
    assert not gives_way(platform)
    beat(platform, "programs@there:3", {"leads": False, "starts": True})
    assert gives_way(platform)
    elsewhere = Platform(platform.settings.model_copy(update={"worker_driver": WorkerDriver.NONE}))
    leadership = Leadership(elsewhere, "programs", ttl_seconds=9.0)
    assert leadership.acquire()
    lead(elsewhere, leadership, starts=False)  # which returns
    assert not leadership.holds
