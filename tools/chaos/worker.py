"""The worker process with the chaos plugin, serving only the queues in its arguments: so each side can be killed alone.

`python -m tools.chaos.worker updates` · `python -m tools.chaos.worker outbound default`
"""
# jobs.worker patches before every other import

import jobs.worker  # isort: skip

import os
import sys

import tools.chaos.plugin  # noqa: F401 - it declares itself
from jobs import prefork
from services.core.settings import Settings
from services.platform.platform import Platform
from services.platform.redis.jobs import JobQueue
from tools.chaos import newer

QUEUES = [JobQueue(name) for name in sys.argv[1:]]
_everything = jobs.worker._counts


def _counts(settings: Settings) -> dict[JobQueue, int]:
    return {queue: _everything(settings)[queue] for queue in QUEUES}


def start_workers(platform: Platform) -> list[jobs.worker.Worker]:
    """As in the worker process, for QUEUES alone."""
    return [
        jobs.worker.Worker(platform, queue, number)
        for queue, count in _counts(platform.settings).items()
        for number in range(count)
    ]


if __name__ == "__main__":
    if os.environ.get("CHAOS_RELEASE") == "newer":
        newer.speak()
        newer.know_later_job()
    jobs.worker.start_workers = start_workers
    prefork.serve("worker", jobs.worker.main)
