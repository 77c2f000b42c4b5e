"""Jobs whose names another release knows: put back for its workers while old and new code run together."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import gevent
from redis import RedisError
from rq.job import Job

from services.platform.redis.jobs import JobName

logger = logging.getLogger(__name__)
OUR_FORM = re.compile(r"jobs\.[a-z_]+\.[a-z_]+")  # anything else is nobody's, and refused at once
RETURN_SECONDS = 5.0  # a queue of such jobs, put back at once, would keep all workers busy
PATIENCE_SECONDS = (
    120.0  # a deployment's; every job is a bell that is rung again, so nothing is lost after it
)
KNOWN: frozenset[str] = frozenset(JobName)


def is_of_another_release(job: Job) -> bool:
    """Whether the job's name is one of ours in form, but not in this release."""
    name = str(job.func_name)
    return name not in KNOWN and OUR_FORM.fullmatch(name) is not None


class Strangers:
    """Jobs on their way back into their queues."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def hold(self, job: Job, queue: Any) -> bool:
        """Put the job back after a while; False when it is too old and nobody came for it."""
        asked = job.enqueued_at or job.created_at
        if (datetime.now(UTC) - asked).total_seconds() > PATIENCE_SECONDS:
            return False
        if not self._held:
            logger.warning("job %s is left to another release", job.func_name)
        self._held[job.id] = queue
        gevent.spawn_later(RETURN_SECONDS, self._put_back, job.id)
        return True

    def put_back_all(self) -> None:
        """Before the process ends."""
        for identity in list(self._held):
            self._put_back(identity)

    def _put_back(self, identity: str) -> None:
        queue = self._held.pop(identity, None)
        if queue is None:
            return
        # While Redis is away the job stays among those left by the dead, and its bell is rung again.
        with suppress(RedisError), queue.connection.pipeline() as pipe:
            pipe.lrem(queue.intermediate_queue_key, 1, identity)
            pipe.rpush(queue.key, identity)
            pipe.execute()
