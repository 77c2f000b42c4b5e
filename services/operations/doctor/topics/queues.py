"""What waits: not too much, not too long, and somebody at work on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import func, select

from models import BoundStart, DeadLetter, DeadLetterState
from services.core.i18n import Text
from services.core.times import utc_now
from services.messaging.updates.reconcile import wake_waiting
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.operations.readiness import LAG_SECONDS, spool_bytes
from services.platform.redis import upkeep_keys
from services.platform.redis.jobs import JobName, JobQueue, enqueue
from services.traffic.clicks.stream_audit import last_check

warning = partial(check, Topic.QUEUES, Severity.WARNING)
error = partial(check, Topic.QUEUES, Severity.ERROR)
MANY_JOBS: Final = 1000
MANY_CLICKS: Final = 10_000
OLD_LETTERS: Final = timedelta(days=7)
MANY_LETTERS: Final = 1000


def _wake(facts: Facts) -> None:
    wake_waiting(facts.platform, anew=True)


def _ring(name: JobName) -> Callable[[Facts], None]:
    def ring(facts: Facts) -> None:
        enqueue(facts.platform.job_redis, name)

    return ring


@error(
    why=Text("People wrote and hear nothing."),
    advice=Text(
        "See whether workers run and what their log says; start more of them when they only are too few."
    ),
    remedy=_wake,
)
def updates_wait(facts: Facts) -> Text | None:
    """Updates are handled at once."""
    late = [
        backlog
        for name, backlog in facts.backlogs.items()
        if name.startswith("lane:") and (backlog.lag_seconds or 0) > LAG_SECONDS
    ]
    if not late:
        return None
    return Text(
        "{n} updates wait in {lane}, the oldest for {seconds} s",
        n=late[0].size,
        lane=late[0].queue,
        seconds=round(late[0].lag_seconds or 0),
    )


@warning(
    why=Text("Telegram is asked to deliver later when a lane is full, and keeps updates for 24 hours."),
    advice=Text("Start more workers; see on the page of queues which bot fills it."),
)
def lane_nearly_full(facts: Facts) -> Text | None:
    """Lanes have room."""
    most = facts.settings.intake_max_backlog
    full = [
        each for name, each in facts.backlogs.items() if name.startswith("lane:") and each.size > most / 2
    ]
    return Text("{lane} holds {n} of {most}", lane=full[0].queue, n=full[0].size, most=most) if full else None


@warning(
    why=Text("Jobs wait for a free worker: checks, clicks and notifications come late."),
    advice=Text("Start more workers, or raise DEFAULT_WORKERS."),
)
def jobs_wait(facts: Facts) -> Text | None:
    """Jobs find a free worker."""
    for queue in JobQueue:
        waiting = facts.backlogs[f"rq:{queue}"].size
        if waiting > MANY_JOBS:
            return Text("{n} jobs wait in {queue}", n=waiting, queue=str(queue))
    return None


@warning(
    why=Text("Statistics, conversion and limits lag behind what happens."),
    advice=Text("See the log of the worker for the flusher; a database that is slow holds it up."),
    remedy=_ring(JobName.FLUSH_CLICKS),
)
def clicks_wait(facts: Facts) -> Text | None:
    """Clicks become rows within seconds."""
    backlog = facts.backlogs["clicks"]
    if backlog.size < MANY_CLICKS and (backlog.lag_seconds or 0) < LAG_SECONDS:
        return None
    return Text(
        "{n} wait, the oldest for {seconds} s", n=backlog.size, seconds=round(backlog.lag_seconds or 0)
    )


@warning(
    why=Text("They are not counted yet, and lost with this disk."),
    advice=Text(
        "Web processes bring them to Redis by themselves once it takes them; if none runs here any more, start one on this disk."
    ),
)
def clicks_on_disk(facts: Facts) -> Text | None:
    """No click waits on this disk."""
    size = spool_bytes(facts.platform)
    return Text("{n} KB of clicks wait", n=max(1, size // 1024)) if size else None


@error(
    why=Text("Clicks that were answered have become no rows: they are missing from every statistic."),
    advice=Text("See the log for “clicks”, and docs/analytics.md for what the figures mean."),
)
def clicks_lost(facts: Facts) -> Text | None:
    """Every accepted click has become a row."""
    told: dict[str, Any] = last_check(facts.platform) or {}
    lost = int((told.get("stream_now") or {}).get("lost", 0))
    return Text("{n} clicks are missing", n=lost) if lost > 0 else None


@warning(
    why=Text("Rows and rollups tell different numbers."),
    advice=Text("Run `flask clicks recount`, which makes the rollups anew from the clicks that are kept."),
)
def clicks_miscounted(facts: Facts) -> Text | None:
    """Clicks and what is counted of them agree."""
    told: dict[str, Any] = last_check(facts.platform) or {}
    wrong = (told.get("last") or {}).get("mismatches") or ()
    return Text("{n} pools differ", n=len(wrong)) if wrong else None


@warning(
    why=Text("Starts are bound to clicks and not yet counted."),
    advice=Text("The flusher counts them with the next clicks."),
    remedy=_ring(JobName.FLUSH_CLICKS),
)
def starts_uncounted(facts: Facts) -> Text | None:
    """Starts are counted with their clicks."""
    with facts.platform.database.reading() as session:
        waiting = session.scalar(select(func.count()).select_from(BoundStart)) or 0
    return Text("{n} starts wait", n=waiting) if waiting > MANY_CLICKS else None


@warning(
    why=Text("They are neither seen nor replayed before they are rows."),
    advice=Text("A worker stores them; see its log."),
    remedy=_ring(JobName.STORE_DEAD_LETTERS),
)
def dead_letters_not_stored(facts: Facts) -> Text | None:
    """What was given up at the door stands among the dead letters."""
    backlog = facts.backlogs["intake:dead"]
    late = backlog.size and (backlog.lag_seconds or 0) > LAG_SECONDS
    return Text("{n} wait to be stored", n=backlog.size) if late else None


@warning(
    why=Text(
        "Each is an update or a message that somebody waits for; after days a replay says little to them."
    ),
    advice=Text("Look at them under *Dead letters*: replay what still makes sense, discard the rest."),
)
def dead_letters_old(facts: Facts) -> Text | None:
    """Dead letters are decided on."""
    with facts.platform.database.reading() as session:
        old = select(func.count()).where(
            DeadLetter.state == DeadLetterState.OPEN, DeadLetter.at < utc_now() - OLD_LETTERS
        )
        number = session.scalar(old) or 0
    return (
        Text("{n} have waited for more than {days} days", n=number, days=OLD_LETTERS.days) if number else None
    )


@warning(
    why=Text("So many failures have one cause or a few, and go on."),
    advice=Text("Group them by cause under *Dead letters*, and mend the first."),
)
def dead_letters_many(facts: Facts) -> Text | None:
    """Dead letters are few."""
    with facts.platform.database.reading() as session:
        number = session.scalar(select(func.count()).where(DeadLetter.state == DeadLetterState.OPEN)) or 0
    return Text("{n} wait for a decision", n=number) if number > MANY_LETTERS else None


@warning(
    why=Text("What is too old stays: clicks, hashes of visitors, files."),
    advice=Text("The clock rings for it once a day and a worker deletes; see their logs."),
    remedy=_ring(JobName.DELETE_EXPIRED),
)
def deletion_missed(facts: Facts) -> Text | None:
    """What is too old was deleted today or yesterday."""
    if not facts.processes:
        raise NotApplicable
    days = [(utc_now() - timedelta(days=back)).date().isoformat() for back in (0, 1)]
    rung = facts.platform.redis.exists(*(upkeep_keys.expired_deleted(day) for day in days))
    return None if rung else Text("It was not rung for since yesterday")


@warning(
    why=Text("A job that fails is kept as a dead letter; one that RQ itself could not run is here only."),
    advice=Text("Look at them on the page of queues, and requeue them."),
)
def jobs_failed(facts: Facts) -> Text | None:
    """RQ has run every job."""
    failed = sum(int(facts.platform.redis.zcard(f"rq:failed:{queue}")) for queue in JobQueue)
    return Text("{n} jobs have failed", n=failed) if failed else None
