"""A handler that blocks its process's loop: no greenlet runs any more, so only a real thread can end it."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import select

from models import Bot, DeadLetter
from services.core.settings import Settings
from services.messaging.updates.lane_worker import POISONOUS
from services.platform.platform import Platform
from services.platform.redis.lease_renewer import TTL_SECONDS
from tools.servers.fleet import WorkerProcess, accept_all, add_bot, message, reconciling, worker_process
from tools.servers.sandbox import Sandbox, wait_until

LONGEST_SECONDS = 2.0  # instead of a minute
UNWATCHED = (
    "-c",
    "import jobs.worker, tests.services.messaging.updates.plugins_for_tests\njobs.worker.main()",
)
WATCHED = (
    "-c",
    "import jobs.watchdog\n"
    f"jobs.watchdog.Watchdog.__init__.__defaults__ = ({LONGEST_SECONDS},)\n{UNWATCHED[1]}",
)
BLOCKED = 70  # the exit code for it
MOST_DEATHS = 8


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    """The sandbox instead of Telegram."""
    return settings.model_copy(update={"telegram_api_url": sandbox.url})


@pytest.fixture
def bot(platform: Platform, sandbox: Sandbox) -> Bot:
    """A bot at the sandbox that does as it is told."""
    return add_bot(platform, sandbox.create_bot(), (("trial", {}),))


def texts(sandbox: Sandbox, bot: Bot) -> list[str]:
    return [each["text"] for each in sandbox.sent(bot.username, "sendMessage")]


def _ended_or_answered(worker: WorkerProcess, sandbox: Sandbox, bot: Bot) -> bool:
    return worker.process.poll() is not None or "after" in texts(sandbox, bot)


def _tells_where(worker: WorkerProcess) -> bool:
    return "plugins_for_tests.py" in worker.log


def test_a_handler_that_blocks_the_loop_ends_its_process_and_then_is_given_up_while_its_chat_goes_on(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    user = int(sandbox.create_user()["id"])
    sandbox.start(user, bot.username)
    accept_all(platform, bot, [message(1, user, "block"), message(2, user, "after")])
    codes: list[int | None] = []
    with reconciling(platform):
        while len(codes) < MOST_DEATHS:
            with worker_process(settings, WATCHED) as worker:
                wait_until(partial(_ended_or_answered, worker, sandbox, bot), seconds=60)
                if worker.process.poll() is None:
                    break
                wait_until(partial(_tells_where, worker))
                codes.append(worker.process.returncode)
    assert len(codes) >= 2
    assert set(codes) == {BLOCKED}
    assert texts(sandbox, bot) == ["after"]
    with platform.database.reading() as session:
        [letter] = session.scalars(select(DeadLetter)).all()
    assert letter.error == POISONOUS
    assert '"block"' in str(letter.payload["update"])


def test_a_handler_that_computes_for_longer_than_a_lease_stands_is_not_run_for_ever(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    """Its process lives, and nothing that it did there can be written: each time it would be as if it had never run."""
    user = int(sandbox.create_user()["id"])
    sandbox.start(user, bot.username)
    accept_all(platform, bot, [message(1, user, f"block {TTL_SECONDS + 0.5}"), message(2, user, "after")])
    with reconciling(platform), worker_process(settings, UNWATCHED) as worker:
        wait_until(lambda: texts(sandbox, bot) == ["after"], seconds=90)
        assert worker.process.poll() is None
    with platform.database.reading() as session:
        [letter] = session.scalars(select(DeadLetter)).all()
    assert letter.error == POISONOUS
    assert '"block' in str(letter.payload["update"])
