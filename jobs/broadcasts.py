"""The job of broadcasts: works at the ledgers until none needs it."""

from __future__ import annotations

from jobs import process
from services.messaging.broadcasts import runner


def run_broadcasts() -> None:
    """Prepare, feed and settle what is under way; returns at once when another process is at it."""
    runner.run_broadcasts(process.platform(), process.stopping)
