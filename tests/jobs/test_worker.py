"""The worker process: allow-list, recovery after kill -9, poison, orderly stop."""

from __future__ import annotations

import time
from functools import partial

import pytest
from rq import Queue
from rq.exceptions import AbandonedJobError
from rq.serializers import JSONSerializer
from sqlalchemy import select

from jobs import process
from jobs.rq_worker import bury
from models import Bot, DeadLetter
from services.core.settings import Settings
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue
from services.platform.redis.process_identity import process_identity
from services.queueing.heartbeats import processes
from services.queueing.lanes import lane_of
from tools.servers.fleet import WorkerProcess, accept_all, add_bot, message, reconciling, worker_process
from tools.servers.sandbox import Sandbox, wait_until

TRIAL = ("-c", "import jobs.worker, tests.services.messaging.updates.plugins_for_tests; jobs.worker.main()")


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
    """A bot at the sandbox that does as it is told."""
    return add_bot(platform, sandbox.create_bot(strict=False), (("trial", {}), ("error_handler", {})))


def people(sandbox: Sandbox, bot: Bot, number: int) -> list[int]:
    """Persons who opened a chat with the bot."""
    users = [sandbox.create_user()["id"] for _ in range(number)]
    for user in users:
        sandbox.start(user, bot.username)
    return users


def texts(sandbox: Sandbox, bot: Bot) -> list[tuple[int, str]]:
    return [(each["chat_id"], each["text"]) for each in sandbox.sent(bot.username, "sendMessage")]


def letters(platform: Platform) -> list[DeadLetter]:
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))


def test_a_function_outside_the_allow_list_is_refused_and_kept(
    platform: Platform, settings: Settings
) -> None:
    target = settings.data_dir / "pwned"
    queue = Queue(JobQueue.DEFAULT, connection=platform.job_redis, serializer=JSONSerializer)
    with worker_process(settings):
        job = queue.enqueue("os.system", f"touch {target}")
        # RQ notes the failure after its handlers, of which the dead letter is one.
        wait_until(lambda: letters(platform) and job.get_status() == "failed")
    [letter] = letters(platform)
    assert (letter.kind, letter.payload["function"]) == ("job", "os.system")
    assert "not allowed" in letter.error
    assert not target.exists()


def test_a_killed_worker_loses_nothing_and_the_next_goes_on_in_order(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    users = people(sandbox, bot, 6)
    updates = [
        message(n * 10 + index, user, f"sleep 0.05 {n:02}")
        for n in range(8)
        for index, user in enumerate(users)
    ]
    with reconciling(platform):
        with worker_process(settings, command=TRIAL) as first:
            accept_all(platform, bot, updates)
            wait_until(lambda: len(texts(sandbox, bot)) >= 5)
            first.kill()
        with worker_process(settings, command=TRIAL):
            wait_until(lambda: len(set(texts(sandbox, bot))) == len(updates), seconds=60)
    for user in users:
        mine = [text for chat, text in texts(sandbox, bot) if chat == user]
        first_seen = list(dict.fromkeys(mine))
        assert first_seen == [f"sleep 0.05 {n:02}" for n in range(8)]


@pytest.mark.skipif(not process_identity(), reason="/proc tells nothing of processes here")
def test_a_worker_that_starts_takes_over_what_a_killed_one_held_with_no_clock_running(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    [user] = people(sandbox, bot, 1)
    lane = lane_of(bot.id, str(user), platform.settings.update_lanes)
    accept_all(platform, bot, [message(1, user, "sleep 2 hello")])
    with worker_process(settings, command=TRIAL) as first:
        wait_until(lambda: platform.redis.exists(keys.lease(f"lane:{lane}")), seconds=60)
        first.kill()
    platform.redis.persist(keys.lease(f"lane:{lane}"))  # it would never run out
    with worker_process(settings, command=TRIAL):
        wait_until(lambda: texts(sandbox, bot) == [(user, "sleep 2 hello")], seconds=60)


def _ended_or_answered(worker: WorkerProcess, sandbox: Sandbox, bot: Bot) -> bool:
    wanted = {"after", "hello 3", "hello 4", "hello 5"}
    return worker.process.poll() is not None or wanted <= {text for _, text in texts(sandbox, bot)}


@pytest.mark.timeout(240)  # five processes one after the other
def test_an_update_that_kills_its_process_is_given_up_and_its_chat_goes_on(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    users = people(sandbox, bot, 3)
    accept_all(platform, bot, [message(1, users[0], "die"), message(2, users[0], "after")])
    accept_all(platform, bot, [message(n, user, f"hello {n}") for n, user in enumerate(users, start=3)])
    deaths = 0
    with reconciling(platform):
        while deaths < 5:
            with worker_process(settings, command=TRIAL) as worker:
                wait_until(partial(_ended_or_answered, worker, sandbox, bot), seconds=60)
                if worker.process.poll() is None:
                    break
                deaths += 1
    assert deaths == 4  # once unwatched, twice on record, once in a trial
    assert [letter.kind for letter in letters(platform)] == ["update"]


def test_sigterm_ends_a_busy_worker_in_time_and_leaves_the_rest_for_the_next(
    platform: Platform, settings: Settings, sandbox: Sandbox, bot: Bot
) -> None:
    [user] = people(sandbox, bot, 1)
    accept_all(
        platform, bot, [message(1, user, "sleep 1"), message(2, user, "sleep 1 b"), message(3, user, "last")]
    )
    with worker_process(settings, command=TRIAL) as worker:
        lane = next(n for n in range(8) if platform.redis.xlen(keys.update_lane(n)))
        wait_until(lambda: platform.redis.exists(keys.lease(f"lane:{lane}")))
        assert worker.terminate() == 0
    left = platform.redis.xlen(keys.update_lane(lane))
    assert 1 <= left <= 3
    assert not platform.redis.exists(keys.lease(f"lane:{lane}"))
    with worker_process(settings, command=TRIAL) as worker, reconciling(platform):
        wait_until(lambda: (user, "last") in texts(sandbox, bot))
        worker.process.terminate()
        wait_until(lambda: "trial serves its bot no longer" in worker.log, seconds=60)
    assert [text for _, text in texts(sandbox, bot)] == ["sleep 1", "sleep 1 b", "last"]


def test_a_worker_waits_for_redis_and_shows_signs_of_life(platform: Platform, settings: Settings) -> None:
    with worker_process(settings) as worker:
        wait_until(lambda: [p for p in processes(platform) if p.service == "worker"])
        platform.redis.client_kill_filter(_type="normal", skipme=True)
        time.sleep(0.5)
        job = enqueue(platform.job_redis, JobName.STORE_DEAD_LETTERS)
        wait_until(lambda: job.get_status() == "finished" or not job.exists(job.id, platform.job_redis))
        assert worker.process.poll() is None


def test_a_job_whose_worker_died_is_no_dead_letter(
    platform: Platform, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "platform", lambda: platform)
    job = enqueue(platform.job_redis, JobName.DRAIN_LANE, 0)
    assert bury(job, AbandonedJobError, AbandonedJobError(), None)
    assert letters(platform) == []
