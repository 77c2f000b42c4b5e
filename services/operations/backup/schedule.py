"""When backups are made and tried out, and by whom: the clock rings, a worker's job starts a process of its own.

That process may take the processor and the disk for a minute, so it is a nice one; it ends with the worker.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from typing import Final

from services.core.child_processes import tied_to_parent
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.core.times import utc_now
from services.operations.backup.reports import backup_report, note_first_seen
from services.platform.application import ROOT
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName, enqueue

logger = logging.getLogger(__name__)
TICK_SECONDS: Final = 600
AGAIN_SECONDS: Final = 3 * 3600  # after a try that brought none
VERIFY_DAYS: Final = 30
LONGEST_SECONDS: Final = 3500.0  # a little less than the job may take
NICENESS: Final = 19  # the least: visitors of `/go` come first


def giving_way() -> list[str]:
    """What begins the command of a program that gives way to all others: Linux' idle class where `chrt` is, else least niceness.

    A nice program still gets its turn before one that wakes up meanwhile; in the idle class it is put aside at once.
    """
    idle = shutil.which("chrt")
    return [idle, "--idle", "0"] if idle else ["nice", "-n", str(NICENESS)]


def wake_due(platform: Platform) -> list[JobName]:
    """Ring for what is due: a backup each UTC day, a trial of one each month; a failed one again after three hours. RedisError."""
    if not platform.settings.backup_daily:
        return []
    note_first_seen(platform)
    report, now = backup_report(platform), utc_now()
    due = []
    if datetime.fromtimestamp(report.last_success, UTC).date() != now.date():
        due.append(JobName.MAKE_BACKUP)
    verified_days = (now.timestamp() - report.last_verified) / 86_400
    if report.last_success and verified_days >= VERIFY_DAYS:
        due.append(JobName.VERIFY_BACKUP)
    rung = [
        name
        for name in due
        if platform.redis.set(upkeep_keys.backup_rung(name), "1", nx=True, ex=AGAIN_SECONDS)
    ]
    for name in rung:
        enqueue(platform.job_redis, name)
    return rung


def run_apart(*words: str) -> None:
    """`flask backup WORDS` in a nice process of its own, until its end. Raises Unavailable when it ended badly.

    It keeps what became of it itself, and says it in the log, which is this process's.
    """
    command = tied_to_parent([sys.executable, "-m", "flask", "--app", "wsgi", "backup", *words])
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [*giving_way(), *command],
            cwd=ROOT,
            env=dict(os.environ),
            stdout=subprocess.DEVNULL,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable("A backup takes longer than an hour; see the log", code="backup_late") from None
    if done.returncode:
        raise Unavailable(
            Text(
                "`flask backup {words}` ended with {code}; see the log",
                words=" ".join(words),
                code=done.returncode,
            ),
            code="backup_failed",
        )
