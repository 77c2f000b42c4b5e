"""The jobs of deletion: daily, after a bot was deleted, after a person was erased. What a failing daily run leaves is taken by the next."""

from __future__ import annotations

from jobs.process import platform
from services.messaging.files import sweep
from services.operations.personal_data import redis_traces
from services.operations.retention import deleting, report


def delete_expired() -> None:
    """Delete what is too old, then compare clicks with their rollups."""
    deleting.delete_expired(platform())


def sweep_files(account_id: int) -> None:
    """Delete the files of an account that have lost their rows."""
    sweep.sweep_files(platform(), account_id)


def forget_people() -> None:
    """Remove from Redis what is there of somebody whose rows were erased, and ring for the next."""
    redis_traces.forget_people(platform())


def forget_person(account_id: int, telegram_id: int) -> None:
    """The same for one person, as a former release rang for it."""
    redis_traces.forget_soon(platform(), account_id, telegram_id)


def count_data() -> None:
    """Count how much there is of each kind of data, for the page of administrators."""
    report.keep_report(platform(), report.make_report(platform()))
