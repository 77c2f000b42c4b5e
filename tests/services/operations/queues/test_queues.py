"""What the queue monitor sees, and what an admin's actions leave behind; with a real Redis and RQ."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask import Flask
from rq import SimpleWorker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from sqlalchemy import select

from app import create_app
from models import Account, AuditEvent, Bot, DeadLetter
from services.core.errors import Conflict, Forbidden, NotFound
from services.messaging.outbox.enqueue import enqueue_call
from services.messaging.updates.crash_tracker import HELD
from services.operations.queues import actions, monitor
from services.operations.queues.dropping import HELD_AT_MOST, drop_outbox
from services.operations.queues.history import KEPT_SAMPLES, SAMPLE_SECONDS, by_step, take_sample
from services.operations.queues.lanes import read_lanes
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys, upkeep_keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue
from tests.blueprints.people import caller_of, make_account, make_key

TOKEN = f"123456789:{'A' * 35}"


@pytest.fixture
def admin(platform: Platform) -> Principal:
    return caller_of(make_account(platform, "admin@example.com", admin=True))


@pytest.fixture
def owner(platform: Platform) -> Account:
    return make_account(platform)


@pytest.fixture
def bot(platform: Platform, owner: Account) -> Bot:
    return make_bot(platform, owner, 1)


def make_bot(platform: Platform, account: Account, number: int) -> Bot:
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=account.id,
            public_id=f"bot_{number:012x}",
            telegram_bot_id=7000 + number,
            username=f"trial{number}_bot",
            sealed_token="-",
            mode="webhook",
            path_id=f"p{number}",
        )
        session.add(bot)
    return bot


def fail(platform: Platform, error: str) -> str:
    """A job that failed with `error`, left behind as RQ itself leaves it."""
    job = enqueue(platform.job_redis, JobName.CHECK_BOT, 5)
    worker = SimpleWorker(["default"], connection=platform.job_redis, serializer=JSONSerializer)
    job.set_status(JobStatus.STARTED)
    worker.handle_job_failure(job, worker.queues[0], exc_string=error)
    platform.job_redis.lrem("rq:queue:default", 0, job.id)
    return str(job.id)


def audited(platform: Platform) -> list[tuple[str, dict[str, Any]]]:
    with platform.database.reading() as session:
        rows = session.scalars(
            select(AuditEvent).where(AuditEvent.kind != "account_created").order_by(AuditEvent.id)
        )
        return [(row.kind, dict(row.details)) for row in rows]


def letters(platform: Platform) -> list[DeadLetter]:
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter).order_by(DeadLetter.id)))


def put(platform: Platform, bot: Bot, count: int) -> None:
    for number in range(count):
        enqueue_call(platform, bot.id, "sendMessage", {"chat_id": 5, "text": f"message {number}"})


def test_a_failed_job_is_seen_without_its_secrets_and_put_back(platform: Platform, admin: Principal) -> None:
    job_id = fail(platform, f"Traceback …\nValueError: no answer for {TOKEN}")
    (shown,) = monitor.list_jobs(platform, admin, JobQueue.DEFAULT, "failed")
    assert (shown["id"], shown["function"], shown["ids"]) == (job_id, "health.check_bot", [5])
    assert shown["error_line"].startswith("ValueError: no answer for")
    assert TOKEN not in shown["error"]
    actions.retry_job(platform, admin, job_id)
    (waiting,) = monitor.list_jobs(platform, admin, JobQueue.DEFAULT, "queued")
    assert waiting["id"] == job_id
    assert monitor.list_jobs(platform, admin, JobQueue.DEFAULT, "failed") == []
    with pytest.raises(Conflict):
        actions.retry_job(platform, admin, job_id)
    with pytest.raises(NotFound):
        actions.retry_job(platform, admin, "nothing")
    assert audited(platform)[0] == ("job_retried", {"function": JobName.CHECK_BOT, "job": job_id})


def test_all_failed_jobs_are_put_back_but_those_that_nobody_knows(
    platform: Platform, admin: Principal
) -> None:
    known = {fail(platform, "KeyError: 1"), fail(platform, "KeyError: 2")}
    foreign = Job.fetch(fail(platform, "x"), connection=platform.job_redis, serializer=JSONSerializer)
    foreign.func_name = "os.system"
    foreign.save()
    with pytest.raises(Conflict):
        actions.retry_job(platform, admin, foreign.id)
    assert actions.retry_failed(platform, admin, JobQueue.DEFAULT) == 2
    queued = monitor.list_jobs(platform, admin, JobQueue.DEFAULT, "queued")
    assert {job["id"] for job in queued} == known
    (left,) = monitor.list_jobs(platform, admin, JobQueue.DEFAULT, "failed")
    assert left["id"] == foreign.id


def test_a_queue_is_emptied_and_the_trail_says_of_how_many(platform: Platform, admin: Principal) -> None:
    for number in range(3):
        enqueue(platform.job_redis, JobName.DRAIN_LANE, number)
    seen = {queue["name"]: queue["queued"] for queue in monitor.queue_monitor(platform, admin)["queues"]}
    assert seen == {"updates": 3, "outbound": 0, "default": 0, "broadcasts": 0}
    assert actions.empty_queue(platform, admin, JobQueue.UPDATES) == 3
    assert platform.redis.llen("rq:queue:updates") == 0
    assert audited(platform) == [("queue_emptied", {"queue": "updates", "number": 3})]


def test_a_lane_that_nobody_works_on_is_stuck_and_can_be_woken(platform: Platform, admin: Principal) -> None:
    platform.redis.xadd(keys.update_lane(0), {"bot": "1"}, id="1000-0")
    platform.redis.set(keys.wakeup("lane", 0), "1")  # a bell whose job was lost
    lanes = monitor.queue_monitor(platform, admin)["lanes"]
    assert [(lane["kind"], lane["number"]) for lane in lanes if lane["is_stuck"]] == [("lane", 0)]
    assert actions.wake_lane(platform, admin, "lane", 0)
    assert platform.redis.llen("rq:queue:updates") == 1
    held = platform.leases.take("lane:0")
    assert held is not None
    lane = monitor.queue_monitor(platform, admin)["lanes"][0]
    assert (lane["is_alive"], lane["is_stuck"]) == (True, False)
    assert ":" not in lane["holder"]  # the rest of the token is the fence
    held.release()
    with pytest.raises(NotFound):
        actions.wake_lane(platform, admin, "lane", 4096)


def test_only_admins_see_the_installation_and_owners_their_own_outboxes(
    platform: Platform, admin: Principal, owner: Account, bot: Bot
) -> None:
    other = make_bot(platform, make_account(platform, "other@example.com"), 2)
    put(platform, bot, 2)
    put(platform, other, 3)
    seen = [(box["bot_id"], box["username"]) for box in monitor.list_outboxes(platform, admin)]
    assert seen == [(other.id, ""), (bot.id, "")]  # names of others' bots are looked up under their trail
    (own,) = monitor.list_outboxes(platform, caller_of(owner))
    assert (own["bot_id"], own["waiting"], own["bulk"], own["is_own"]) == (bot.id, 2, 2, True)
    with pytest.raises(Forbidden):
        monitor.queue_monitor(platform, caller_of(owner))
    with pytest.raises(NotFound):
        drop_outbox(platform, caller_of(owner), other.id)
    assert letters(platform) == []


@pytest.mark.data
def test_a_dropped_message_is_a_dead_letter_that_can_be_replayed(
    platform: Platform, owner: Account, bot: Bot
) -> None:
    put(platform, bot, 3)
    told = drop_outbox(platform, caller_of(owner), bot.id)
    assert told == {"dropped": 3, "uncertain": 0, "left": 0}
    found = letters(platform)
    assert [letter.payload["params"]["text"] for letter in found] == ["message 2", "message 1", "message 0"]
    assert all(letter.sealed_payload and not letter.is_uncertain for letter in found)
    assert audited(platform) == [("bot_outbox_dropped", {"messages": 3})]
    assert drop_outbox(platform, caller_of(owner), bot.id)["dropped"] == 0
    assert len(letters(platform)) == 3


def test_what_a_sender_may_hold_is_called_uncertain_and_nothing_else(
    platform: Platform, owner: Account, bot: Bot
) -> None:
    shard = bot.id % platform.settings.update_lanes
    held = platform.leases.take(f"outbox:{shard}")
    assert held is not None
    put(platform, bot, 6)
    told = drop_outbox(platform, caller_of(owner), bot.id, held_at_most=4)
    held.release()
    assert told == {"dropped": 6, "uncertain": 4, "left": 0}
    doubtful = {letter.payload["params"]["text"] for letter in letters(platform) if letter.is_uncertain}
    assert doubtful == {f"message {number}" for number in range(4)}
    assert HELD_AT_MOST == 320


def test_samples_become_steps_and_time_without_one_is_unknown(platform: Platform) -> None:
    platform.redis.xadd(keys.update_lane(1), {"bot": "1"})
    take_sample(platform)
    entries: Any = platform.redis.xrange(upkeep_keys.queue_history())
    (entry,) = entries
    assert (entry[1]["updates"], entry[1]["clicks"]) == ("1", "0")
    assert 0 < platform.redis.ttl(upkeep_keys.queue_history()) <= 2 * 86_400
    assert KEPT_SAMPLES * SAMPLE_SECONDS == 86_400
    history = by_step([(125, {"jobs": "3"}), (130, {"jobs": "7"}), (999, {"jobs": "9"})], 60, 3, 60)
    assert history["times"] == [60, 120, 180]
    assert history["jobs"] == [None, 7, None]


def test_over_the_api(platform: Platform, owner: Account, admin: Principal, bot: Bot) -> None:
    app: Flask = create_app(platform)
    client, key = app.test_client(), make_key(platform, owner)
    put(platform, bot, 1)
    assert client.get("/api/v1/queues", headers=key).status_code == 403
    assert client.get("/api/v1/queues/jobs", headers=key).status_code == 403
    assert client.post("/api/v1/queues/updates/empty", headers=key).status_code == 403
    listed = client.get("/api/v1/queues/outboxes", headers=key).json or {}
    assert [box["username"] for box in listed["items"]] == ["trial1_bot"]
    dropped = client.post(f"/api/v1/queues/outboxes/{bot.public_id}/drop", headers=key)
    assert dropped.json == {"dropped": 1, "uncertain": 0, "left": 0}
    with platform.database.reading() as session:
        account = session.get(Account, admin.account_id)
    assert account is not None
    of_admin = make_key(platform, account)
    shown = client.get("/api/v1/queues", headers=of_admin).json or {}
    assert [queue["name"] for queue in shown["queues"]] == ["updates", "outbound", "default", "broadcasts"]
    history = client.get("/api/v1/queues/history?span=24h", headers=of_admin).json or {}
    assert len(history["times"]) == 144
    assert client.post("/api/v1/queues/nothing/retry", headers=of_admin).status_code == 404
    wake = {"kind": "outbox", "number": 0}
    assert client.post("/api/v1/queues/wake", json=wake, headers=of_admin).json == {"woken": True}


def test_only_updates_that_are_tried_alone_are_counted_and_not_the_mark_of_who_works(
    platform: Platform,
) -> None:
    platform.redis.hset(keys.update_suspects(0), mapping={HELD: "token"})
    platform.redis.hset(
        keys.update_suspects(1),
        mapping={HELD: "token", "suspects/7-0": "1", "5-0": "1", "token/5-0": "2", "token/6-0": "2"},
    )
    lanes = read_lanes(platform, time.time())
    assert [lane["apart"] for lane in lanes[:3]] == [0, 2, 0]
