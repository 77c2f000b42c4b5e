"""A deployment under load and its taking back: old and new code at once, in the least favourable order."""

from __future__ import annotations

import random
import signal
from functools import partial

from rq import Queue
from rq.serializers import JSONSerializer

from services.platform.redis import keys
from services.platform.redis.jobs import RESULT_TTL_SECONDS, JobQueue
from services.platform.redis.schema_version import is_newer
from tools.chaos.faults import fault, judge_ends
from tools.chaos.installation import PROGRAMS, Installation, until
from tools.chaos.newer import LATER_JOB, LATER_KEY
from tools.chaos.recorder import Recorder

WAVE_SECONDS = 30.0  # people go on writing as long as it takes


def deploy_and_take_back(place: Installation, book: Recorder, _chance: random.Random) -> None:
    """The web process first, so that old workers meet what they cannot read; then the workers; then all back again."""
    ends: dict[str, tuple[float, int]] = {}
    with fault(book, "old and new code", "all", is_kill=False) as incident:
        _deploy(place, ends)
        _take_back(place, ends)
        incident.violation = judge_ends(ends)
        incident.note = "old and new code served together"
    place.keeper.stop("web-newer", "inbound-newer", "outbound-newer")  # where it ended early
    for name in PROGRAMS:
        if not place.keeper.is_running(name):
            place.keeper.start(name)


def _deploy(place: Installation, ends: dict[str, tuple[float, int]]) -> None:
    keeper = place.keeper
    ends |= keeper.stop("web")
    keeper.start("web-newer")
    _ring_later_job(place)  # old workers alone
    until(partial(_newer_entries, place), "the new web process wrote nothing that old code cannot read")
    _start(place, "inbound-newer", "outbound-newer")
    ends |= keeper.stop("inbound", "outbound")
    until(partial(_later_job_ran, place), "the new job was not run")


def _ring_later_job(place: Installation) -> None:
    queue = Queue(JobQueue.DEFAULT, connection=place.platform.job_redis, serializer=JSONSerializer)
    queue.enqueue(LATER_JOB, result_ttl=RESULT_TTL_SECONDS)


def _later_job_ran(place: Installation) -> bool:
    """Whether a new worker ran it by now; else it is rung for again, as every job is, once a second."""
    redis = place.platform.redis
    if redis.set(f"{LATER_KEY}:rung", "1", nx=True, ex=1):
        _ring_later_job(place)
    return bool(redis.get(LATER_KEY))


def _take_back(place: Installation, ends: dict[str, tuple[float, int]]) -> None:
    keeper, left = place.keeper, "what the new release wrote is still there"
    ends |= keeper.stop("web-newer")
    keeper.start("web")
    until(lambda: not _newer_entries(place), left)
    _start(place, "inbound", "outbound")
    ends |= keeper.stop("inbound-newer")
    until(lambda: not _newer_entries(place), left)
    ends |= keeper.stop("outbound-newer")


def _start(place: Installation, *names: str) -> None:
    for name in names:
        place.keeper.start(name)
    for name in names:
        until(partial(place.keeper.heeds, name, signal.SIGTERM), f"{name} did not start")


def _newer_entries(place: Installation) -> int:
    """How many entries in lanes and outboxes are of a version that this code leaves alone."""
    redis = place.platform.redis
    names = [keys.update_lane(lane) for lane in range(place.platform.settings.update_lanes)]
    names += [
        keys.outbox(bot, priority) for bot in place.bots.values() for priority in keys.OUTBOX_PRIORITIES
    ]
    with redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.xrange(name)
        answers = pipe.execute()
    return sum(is_newer(fields) for entries in answers for _, fields in entries)
