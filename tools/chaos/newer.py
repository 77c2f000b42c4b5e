"""Makes a process speak as the next release might: entries of a version that this release leaves alone, and a new job.

`python -m tools.chaos.worker` does so when CHAOS_RELEASE=newer; `tools.chaos.newer_web:app` is the web process's side.
"""

from __future__ import annotations

import sys
from types import ModuleType

from services.messaging.outbox import enqueue
from services.messaging.updates import effects, intake
from services.platform.redis import schema_version
from services.platform.redis.scripts import Script

VERSION = schema_version.VERSION + 1
LATER_JOB = "jobs.later.ring"
LATER_KEY = "chaos:later"  # set by that job

# Script, and what the next release writes more into an entry.
CHANGES = (
    (intake, "APPEND", "'update', update)"),
    (effects, "COMMIT", "'call', call)"),
    (enqueue, "PUT", "'call', call)"),
)


def speak() -> None:
    """From now on this process reads and writes the next version. Before any platform is used."""
    schema_version.VERSION = VERSION
    for module, name, end in CHANGES:
        text: str = getattr(module, name).text
        if end not in text:
            raise RuntimeError(f"{name} was changed: it no longer ends an entry with {end}")
        setattr(module, name, Script(text.replace(end, f"{end[:-1]}, 'v', '{VERSION}')")))


def know_later_job() -> None:
    """Let this worker run LATER_JOB."""
    from jobs import process, rq_worker  # noqa: PLC0415 - they patch, and the web process must not

    module = ModuleType(LATER_JOB.rpartition(".")[0])

    def ring() -> None:
        process.platform().redis.set(LATER_KEY, "1")

    module.ring = ring  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    rq_worker.ALLOWED |= {LATER_JOB}
