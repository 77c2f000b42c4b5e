"""Starting jobs by name. RQ is the doorbell: a job carries ids only, and the name must stand in `JobName`.

The values are import paths, so services never import jobs; a test holds that each one exists.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final
from uuid import uuid4

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from services.platform.redis import keys


class JobQueue(StrEnum):
    UPDATES = "updates"
    OUTBOUND = "outbound"
    DEFAULT = "default"
    BROADCASTS = "broadcasts"  # of its own, because one job stays for as long as a broadcast lasts


class JobName(StrEnum):
    """Every function a worker may run; anything else is refused (the JSON serializer alone would run any import)."""

    DRAIN_LANE = "jobs.inbound.drain_lane"
    DRAIN_OUTBOX = "jobs.outbound.drain_outbox"
    STORE_DEAD_LETTERS = "jobs.inbound.store_dead_letters"
    REPLAY_DEAD_LETTERS = "jobs.inbound.replay_dead_letters"
    FLUSH_CLICKS = "jobs.clicks.flush_clicks"
    REPAIR_POOLS = "jobs.pools.repair_pools"
    DELETE_EXPIRED = "jobs.retention.delete_expired"
    SWEEP_FILES = "jobs.retention.sweep_files"
    FORGET_PEOPLE = "jobs.retention.forget_people"
    FORGET_PERSON = "jobs.retention.forget_person"
    COUNT_DATA = "jobs.retention.count_data"
    RUN_DOCTOR = "jobs.doctor.run_doctor"
    SWEEP_HEALTH = "jobs.health.sweep_health"
    CHECK_BOT = "jobs.health.check_bot"
    LOOK_AT_CLICKED = "jobs.health.look_at_clicked"
    JUDGE_MEMBERS = "jobs.health.judge_members"
    RECONCILE_BOTS = "jobs.bots.reconcile_bots"
    RECONCILE_BOT = "jobs.bots.reconcile_bot"
    COUNT_PEOPLE = "jobs.pools.count_people"
    CHANGE_PEOPLE = "jobs.people.change_people"
    COUNT_POOL_DAYS = "jobs.pools.count_pool_days"
    DELIVER_NOTIFICATIONS = "jobs.notifications.deliver_notifications"
    RING_TIMERS = "jobs.timers.ring_timers"
    SEND_POSTBACKS = "jobs.postbacks.send_postbacks"
    IMPORT_SPEND = "jobs.spend.import_spend"
    MAKE_BACKUP = "jobs.backups.make_backup"
    VERIFY_BACKUP = "jobs.backups.verify_backup"
    REMIND_OF_ROTATION = "jobs.encryption_keys.remind_of_rotation"
    RESEAL = "jobs.encryption_keys.reseal"
    RUN_BROADCASTS = "jobs.broadcasts.run_broadcasts"


QUEUE_OF: Final = {
    JobName.DRAIN_LANE: JobQueue.UPDATES,
    JobName.DRAIN_OUTBOX: JobQueue.OUTBOUND,
    JobName.STORE_DEAD_LETTERS: JobQueue.DEFAULT,
    JobName.REPLAY_DEAD_LETTERS: JobQueue.DEFAULT,
    JobName.FLUSH_CLICKS: JobQueue.DEFAULT,
    JobName.REPAIR_POOLS: JobQueue.DEFAULT,
    JobName.DELETE_EXPIRED: JobQueue.DEFAULT,
    JobName.SWEEP_FILES: JobQueue.DEFAULT,
    JobName.FORGET_PEOPLE: JobQueue.DEFAULT,
    JobName.FORGET_PERSON: JobQueue.DEFAULT,
    JobName.COUNT_DATA: JobQueue.DEFAULT,
    JobName.RUN_DOCTOR: JobQueue.DEFAULT,
    JobName.SWEEP_HEALTH: JobQueue.DEFAULT,
    JobName.CHECK_BOT: JobQueue.DEFAULT,
    JobName.LOOK_AT_CLICKED: JobQueue.DEFAULT,
    JobName.JUDGE_MEMBERS: JobQueue.DEFAULT,
    JobName.RECONCILE_BOTS: JobQueue.DEFAULT,
    JobName.RECONCILE_BOT: JobQueue.DEFAULT,
    JobName.COUNT_PEOPLE: JobQueue.DEFAULT,
    JobName.CHANGE_PEOPLE: JobQueue.DEFAULT,
    JobName.COUNT_POOL_DAYS: JobQueue.DEFAULT,
    JobName.DELIVER_NOTIFICATIONS: JobQueue.DEFAULT,
    JobName.RING_TIMERS: JobQueue.DEFAULT,
    JobName.SEND_POSTBACKS: JobQueue.DEFAULT,
    JobName.IMPORT_SPEND: JobQueue.DEFAULT,
    JobName.MAKE_BACKUP: JobQueue.DEFAULT,
    JobName.VERIFY_BACKUP: JobQueue.DEFAULT,
    JobName.REMIND_OF_ROTATION: JobQueue.DEFAULT,
    JobName.RESEAL: JobQueue.DEFAULT,
    JobName.RUN_BROADCASTS: JobQueue.BROADCASTS,
}
# An unanswered bell may be rung again after so long: it is lost when Redis dies between the bell and the job. A job too
# many finds the lease taken.
DOORBELL_SECONDS = 2
FAILURE_TTL_SECONDS = 24 * 3600
TIMEOUT_SECONDS = 120
# A drain that has work stays for ten minutes and leaves by itself; this ends one that hangs.
DRAIN_TIMEOUT_SECONDS = 3600
TIMEOUTS: Final = {
    JobName.DRAIN_LANE: DRAIN_TIMEOUT_SECONDS,
    JobName.DRAIN_OUTBOX: DRAIN_TIMEOUT_SECONDS,
    JobName.RUN_BROADCASTS: DRAIN_TIMEOUT_SECONDS,
    JobName.MAKE_BACKUP: DRAIN_TIMEOUT_SECONDS,
    JobName.VERIFY_BACKUP: DRAIN_TIMEOUT_SECONDS,
    JobName.IMPORT_SPEND: DRAIN_TIMEOUT_SECONDS,
    JobName.FORGET_PEOPLE: DRAIN_TIMEOUT_SECONDS,
}
FORMER: Final = {JobName.FORGET_PERSON}  # rung for by former releases alone; what they left is done
# The default of 500 s keeps 5 KB per finished job; 0 would cost nine more round trips.
RESULT_TTL_SECONDS = 1
LOOKED_THROUGH: Final = (
    5000  # of a queue's jobs, the oldest ones, 250 KB; far more than there are kinds of jobs and bots
)


def enqueue(binary_redis: Redis, name: JobName, *ids: int) -> Job:
    """Queue the job `name` with integer ids of ours, which stand in logs, three round trips. Call it after the commit.

    One that waits already is not queued a second time, and is the answer: it has read nothing yet. So what rings again and
    again while no worker hears it, the clock and each update, leaves one job of each kind. `binary_redis` is a client with
    undecoded answers, which RQ needs.
    """
    queue = Queue(QUEUE_OF[name], connection=binary_redis, serializer=JSONSerializer)
    label = "-".join((name.rpartition(".")[2], *map(str, ids)))
    waiting = _waiting(queue, label)
    if waiting is not None:
        return waiting
    return queue.enqueue(
        str(name),
        args=ids,
        job_id=f"{label}-{uuid4().hex}",
        job_timeout=TIMEOUTS.get(name, TIMEOUT_SECONDS),
        result_ttl=RESULT_TTL_SECONDS,
        failure_ttl=FAILURE_TTL_SECONDS,
    )


def _waiting(queue: Queue, label: str) -> Job | None:
    """The job with that label which no worker has taken yet."""
    ids = queue.get_job_ids(0, LOOKED_THROUGH)
    found = next((each for each in ids if each.rpartition("-")[0] == label), None)
    return queue.fetch_job(found) if found else None


def wake(
    redis: Redis,
    binary_redis: Redis,
    name: JobName,
    kind: str,
    number: int | None = None,
    *,
    anew: bool = False,
) -> bool:
    """Enqueue `name(number)` unless its doorbell is already ringing; True when one is queued.

    Without a `number` there is one such bell, the job takes no argument, and its doorbell's number is 0. `anew` rings where a bell
    rings already as well: whoever heard it may be the one who died, or has found the lease taken.
    """
    if not redis.set(keys.wakeup(kind, number or 0), "1", nx=not anew, ex=DOORBELL_SECONDS):
        return False
    enqueue(binary_redis, name, *(() if number is None else (number,)))
    return True


def waiting_jobs(redis: Redis, queue: JobQueue) -> int:
    """How many jobs wait for a free worker."""
    return int(redis.llen(f"{Queue.redis_queue_namespace_prefix}{queue}"))
