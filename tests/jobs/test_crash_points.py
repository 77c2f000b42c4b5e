"""What stands and what is made up for when a process dies between two steps; the process is real, and so is its death."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from models import Bot, DeadLetter, UncertainPolicy
from services.core.fault_injection import CrashPoint
from services.core.settings import Settings
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.updates.intake import Intake, Outcome
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.fleet import accept_all, add_bot, environment, message, reconciling, worker_process
from tools.servers.sandbox import Sandbox, wait_until

DELIVERY = """
from services.platform.platform import build_platform
from services.messaging.updates.intake import Intake
from tools.servers.fleet import message
Intake(build_platform()).accept(7, message(1, 5, "hello"))
"""


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    """The sandbox instead of Telegram, and buckets too large to matter."""
    unpaced = {
        "pacing_bot_per_second": 10_000.0,
        "pacing_chat_per_second": 10_000.0,
        "pacing_chat_burst": 1000,
    }
    return settings.model_copy(update={"telegram_api_url": sandbox.url, **unpaced})


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    """An echo bot."""
    return add_bot(platform, sandbox.create_bot(strict=False))


@pytest.fixture
def user(sandbox: Sandbox, bot: Bot) -> int:
    """Somebody who opened a chat with it."""
    person = int(sandbox.create_user()["id"])
    sandbox.start(person, bot.username)
    return person


def texts(sandbox: Sandbox, bot: Bot) -> list[str]:
    return [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]


def parked(platform: Platform) -> list[DeadLetter]:
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))


def crash(platform: Platform, settings: Settings, point: str) -> None:
    """Run a worker until it dies at the point."""
    with reconciling(platform), worker_process(settings, CRASH_AT=point) as worker:
        assert worker.process.wait(30) == -signal.SIGKILL


def test_an_update_appended_before_the_crash_is_there_once_when_telegram_repeats_it(
    platform: Platform, settings: Settings
) -> None:
    environ = {**environment(settings), "CRASH_AT": "intake.after_append"}
    died = subprocess.run(
        [sys.executable, "-c", DELIVERY], env=environ, cwd=Path(__file__).parents[2], check=False, timeout=60
    )
    assert died.returncode == -signal.SIGKILL
    assert Intake(platform).accept(7, message(1, 5, "hello")) is Outcome.DUPLICATE
    assert sum(platform.redis.xlen(keys.update_lane(n)) for n in range(settings.update_lanes)) == 1


def test_a_handled_update_that_was_not_committed_takes_effect_once(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot, user: int
) -> None:
    accept_all(platform, bot, [message(1, user, "one"), message(2, user, "two")])
    crash(platform, settings, "drain.before_commit")
    assert texts(sandbox, bot) == []
    with reconciling(platform), worker_process(settings):
        wait_until(lambda: len(texts(sandbox, bot)) == 2, seconds=25)
    assert texts(sandbox, bot) == ["one", "two"]


def test_at_least_once_repeats_no_more_than_what_was_under_way(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot, user: int
) -> None:
    for text in ("one", "two", "three"):
        enqueue_call(platform, bot.id, "sendMessage", {"chat_id": user, "text": text})
    crash(platform, settings, "send.after_http")
    with reconciling(platform), worker_process(settings):
        wait_until(lambda: "three" in texts(sandbox, bot), seconds=25)
    assert texts(sandbox, bot) == ["one", "one", "two", "three"]
    assert parked(platform) == []


@pytest.mark.parametrize(("point", "before"), [("send.after_http", ["one"]), ("send.before_http", [])])
def test_at_most_once_repeats_nothing_and_parks_what_was_under_way(
    platform: Platform,
    settings: Settings,
    sandbox: Sandbox,
    bot: Bot,
    user: int,
    point: str,
    before: list[str],
) -> None:
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).uncertain_policy = UncertainPolicy.AT_MOST_ONCE
    for text in ("one", "two", "three"):
        enqueue_call(platform, bot.id, "sendMessage", {"chat_id": user, "text": text})
    crash(platform, settings, point)
    with reconciling(platform), worker_process(settings):
        wait_until(lambda: "three" in texts(sandbox, bot), seconds=25)
        wait_until(lambda: not platform.redis.exists(keys.outbox_flying(bot.id)), seconds=30)
    assert texts(sandbox, bot) == [*before, "two", "three"]
    [letter] = parked(platform)
    assert (letter.kind, letter.is_uncertain, letter.payload["params"]["text"]) == ("send", True, "one")


def test_only_a_test_installation_heeds_a_crash_point(settings: Settings) -> None:
    armed = settings.model_copy(update={"crash_at": CrashPoint.SEND_BEFORE_HTTP})
    assert armed.crash_point is CrashPoint.SEND_BEFORE_HTTP
    assert armed.model_copy(update={"app_env": "prod"}).crash_point is CrashPoint.NOWHERE
