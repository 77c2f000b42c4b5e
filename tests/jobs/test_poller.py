"""The poller as a process: polls, stands by, takes over, ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models import Account, Bot
from services.core.settings import Settings
from services.fleet.bots.lifecycle import stop_bot
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import get_bot, register_bot
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from services.queueing.heartbeats import processes
from tools.servers.forked import ForkedProcess
from tools.servers.sandbox import Sandbox, wait_until
from tools.servers.valkey import running_valkey

Start = Callable[..., ForkedProcess]


@pytest.fixture
def owner(platform: Platform) -> Principal:
    with platform.database.transaction() as session:
        account = Account(email="ana@example.com", password_hash="-")
        session.add(account)
    return Principal(account.id, "account:1")


@pytest.fixture
def start(platform: Platform, settings: Settings) -> Iterator[Start]:
    """Starts poller processes of this installation; all are ended with the test."""
    started: list[ForkedProcess] = []
    environment = {
        **os.environ,
        "APP_ENV": "test",
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "ENCRYPTION_KEYS": settings.encryption_keys[0].get_secret_value(),
        "TELEGRAM_API_URL": settings.telegram_api_url,
    }

    def run(on: Platform = platform) -> ForkedProcess:
        environment["REDIS_URL"] = on.settings.redis_url
        process = ForkedProcess(("-m", "jobs.poller"), environment)
        started.append(process)
        return process

    yield run
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(10)


def new_bot(platform: Platform, owner: Principal, sandbox: Sandbox) -> Bot:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"])
    reconcile_bot(platform, bot.id)
    return bot


def waiting(platform: Platform) -> int:
    lanes = range(platform.settings.update_lanes)
    return sum(platform.redis.xlen(keys.update_lane(lane)) for lane in lanes)


def polled(platform: Platform) -> list[int]:
    """How many bots each poller says that it polls."""
    return [each.figures["bots"] for each in processes(platform) if each.service == "poller"]


def polled_by(platform: Platform, poller: ForkedProcess) -> int:
    """How many bots this poller says that it polls."""
    told: dict[str, int] = {each.name: each.figures["bots"] for each in processes(platform)}
    return next(bots for name, bots in told.items() if name.endswith(f":{poller.pid}"))


def test_bots_that_come_and_go_are_polled_within_a_second_and_the_end_is_quick(
    platform: Platform, owner: Principal, sandbox: Sandbox, start: Start
) -> None:
    user = sandbox.create_user()["id"]
    first, process = new_bot(platform, owner, sandbox), start()
    sandbox.start(user, first.username)
    wait_until(lambda: waiting(platform) == 1, seconds=20)
    second = new_bot(platform, owner, sandbox)
    sandbox.start(user, second.username)
    wait_until(lambda: waiting(platform) == 2, seconds=30)
    wait_until(lambda: get_bot(platform, owner, second.id).status == "running")
    wait_until(lambda: polled(platform) == [2])
    stop_bot(platform, owner, second.id)
    reconcile_bot(platform, second.id)
    wait_until(lambda: polled(platform) == [1])
    sandbox.send(user, second.username, "nobody listens")
    sandbox.send(user, first.username, "somebody does")
    wait_until(lambda: waiting(platform) == 3)
    assert sandbox.bot(second.username)["pending_update_count"] == 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert not platform.redis.exists(keys.lease("poller"))


def test_a_standby_takes_over_from_a_killed_poller_and_nothing_is_taken_twice(
    platform: Platform, owner: Principal, sandbox: Sandbox, start: Start
) -> None:
    user, bot = sandbox.create_user()["id"], new_bot(platform, owner, sandbox)
    killed = start()
    sandbox.start(user, bot.username)
    wait_until(lambda: waiting(platform) == 1, seconds=20)
    start()
    killed.kill()
    sandbox.send(user, bot.username, "while nobody polls")
    wait_until(lambda: waiting(platform) == 2, seconds=25)
    time.sleep(0.5)
    assert waiting(platform) == 2


def test_a_poller_that_slept_through_its_lease_polls_no_more_once_another_does(
    platform: Platform, owner: Principal, sandbox: Sandbox, start: Start
) -> None:
    new_bot(platform, owner, sandbox)
    sleeper = start()
    wait_until(lambda: polled(platform) == [1], seconds=20)
    lease = platform.redis.get(keys.lease("poller"))
    sleeper.send_signal(signal.SIGSTOP)
    successor = start()
    wait_until(lambda: platform.redis.get(keys.lease("poller")) not in (None, lease), seconds=15)
    sleeper.send_signal(signal.SIGCONT)
    wait_until(lambda: polled_by(platform, sleeper) == 0, seconds=20)
    wait_until(lambda: polled_by(platform, successor) == 1, seconds=20)
    time.sleep(6)  # the sleeper asks for the lease again meanwhile, and tells what it does
    assert (polled_by(platform, sleeper), polled_by(platform, successor)) == (0, 1)


def test_a_poller_goes_on_by_itself_after_a_redis_that_was_silent_for_longer_than_its_lease(
    platform: Platform, owner: Principal, sandbox: Sandbox, start: Start, server_folder: Path
) -> None:
    folder = server_folder / "valkey-of-a-poller"
    folder.mkdir()
    with running_valkey(folder) as url:
        silent = Platform(platform.settings.model_copy(update={"redis_url": url}))
        user, bot = sandbox.create_user()["id"], new_bot(silent, owner, sandbox)
        start(silent)
        wait_until(lambda: polled(silent) == [1], seconds=20)
        server = int(silent.redis.info("server")["process_id"])
        os.kill(server, signal.SIGSTOP)
        try:
            time.sleep(10)
        finally:
            os.kill(server, signal.SIGCONT)
        sandbox.start(user, bot.username)
        wait_until(lambda: waiting(silent) == 1, seconds=10)
