"""Jobs of pools."""

from __future__ import annotations

from jobs.process import platform
from services.fleet.pools.snapshot import repair
from services.reporting import reach
from services.reporting.status_page import pool_days


def repair_pools() -> None:
    """Bring what `/go` knows in line with the database, should an announcement have been lost."""
    repair(platform())


def count_people(account_id: int) -> None:
    """Count who knows which of an account's bots, for its lifeboat."""
    reach.count_people(platform(), account_id)


def count_pool_days() -> None:
    """Bring what is known of the pools' uptime by day up to the present."""
    pool_days.count_pool_days(platform())
