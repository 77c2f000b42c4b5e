"""Two worker processes at work share the lanes between them, and nothing that is written meanwhile is lost or out of order."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from models import Bot
from services.core.settings import Settings
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.process_identity import process_identity
from services.queueing.heartbeats import processes
from services.queueing.lanes import lane_of
from tools.servers.fleet import accept_all, add_bot, message, reconciling, worker_process
from tools.servers.sandbox import Sandbox, wait_until

LOOKED_SECONDS = 6.0  # a worker looks every five who else serves
EVERY_SECONDS = 0.2  # somebody writes in each lane: none comes to rest
UNLIMITED = '{"default": {"limit": 10000, "window": 1}}'  # for each person


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    """The sandbox instead of Telegram, and limits too large to matter."""
    unlimited = {
        "user_rate_per_minute": 100_000,
        "pacing_bot_per_second": 10_000.0,
        "pacing_chat_per_second": 10_000.0,
        "pacing_chat_burst": 1000,
    }
    return settings.model_copy(update={"telegram_api_url": sandbox.url, **unlimited})


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    return add_bot(platform, sandbox.create_bot(strict=False), (("echo", {"echo_all": True}),))


def one_person_a_lane(platform: Platform, sandbox: Sandbox, bot: Bot) -> list[int]:
    lanes: dict[int, int] = {}
    while len(lanes) < platform.settings.update_lanes:
        user = sandbox.create_user()["id"]
        lanes[lane_of(bot.id, str(user), platform.settings.update_lanes)] = user
    for user in lanes.values():
        sandbox.start(user, bot.username)
    return list(lanes.values())


@contextmanager
def writing(platform: Platform, bot: Bot, users: list[int]) -> Iterator[list[int]]:
    """Each of them writes 1, 2, 3 … all the time; what was written last stands at the end of the list."""
    written, ending, update_ids = [0], threading.Event(), count(1)

    def write() -> None:
        while not ending.wait(EVERY_SECONDS):
            number = written[-1] + 1
            accept_all(platform, bot, [message(next(update_ids), user, str(number)) for user in users])
            written.append(number)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield written
    finally:
        ending.set()
        thread.join(10)


def serving(platform: Platform) -> set[str]:
    """The processes that have said which queues they serve."""
    return {process.name for process in processes(platform) if process.figures.get("queues")}


def name_of(process_id: int) -> str:
    return f"worker@{socket.gethostname()}:{process_id}"


def held_by(platform: Platform, process_id: int, kind: str = "lane") -> int:
    """How many lanes (or shards) the process holds."""
    lanes = range(platform.settings.update_lanes)
    holders = platform.redis.mget([keys.lease(f"{kind}:{lane}") for lane in lanes])
    return sum(f".{process_id}." in (holder or "") for holder in holders)


def numbers_answered(sandbox: Sandbox, bot: Bot, user: int) -> list[int]:
    sent = sandbox.sent(bot.username, "sendMessage")
    return [int(each["text"]) for each in sent if each["chat_id"] == user and each["text"].isdigit()]


@pytest.mark.skipif(not process_identity(), reason="/proc tells nothing of processes here")
def test_what_comes_after_a_pause_is_shared_at_once(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    users, half = one_person_a_lane(platform, sandbox, bot), settings.update_lanes // 2
    with (
        reconciling(platform),
        worker_process(settings, RATE_LIMITS_JSON=UNLIMITED) as first,
        worker_process(settings, RATE_LIMITS_JSON=UNLIMITED) as second,
    ):
        pids = (first.process.working_pid, second.process.working_pid)
        wait_until(lambda: {name_of(pid) for pid in pids} <= serving(platform), seconds=60)
        time.sleep(LOOKED_SECONDS)
        accept_all(platform, bot, [message(number, user, "1") for number, user in enumerate(users, 1)])
        wait_until(lambda: all(numbers_answered(sandbox, bot, user) == [1] for user in users))
        assert [held_by(platform, pid) for pid in pids] == [half] * 2
        assert [held_by(platform, pid, "outbox") for pid in pids] in ([1, 0], [0, 1]), (
            "of one bot there is one"
        )


@pytest.mark.skipif(not process_identity(), reason="/proc tells nothing of processes here")
def test_a_second_worker_gets_its_half_of_the_lanes_and_nothing_is_lost(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    users, lanes = one_person_a_lane(platform, sandbox, bot), settings.update_lanes
    with (
        reconciling(platform),
        worker_process(settings, RATE_LIMITS_JSON=UNLIMITED) as first,
        writing(platform, bot, users) as written,
    ):
        wait_until(lambda: held_by(platform, first.process.working_pid) == lanes, seconds=60)
        with worker_process(settings, RATE_LIMITS_JSON=UNLIMITED) as second:
            pids = (first.process.working_pid, second.process.working_pid)
            wait_until(lambda: [held_by(platform, pid) for pid in pids] == [lanes // 2] * 2, seconds=60)
            so_far = written[-1]
            wait_until(
                lambda: all(so_far in numbers_answered(sandbox, bot, user) for user in users), seconds=60
            )
    for user in users:
        answered = numbers_answered(sandbox, bot, user)
        assert answered[:so_far] == list(range(1, so_far + 1))
