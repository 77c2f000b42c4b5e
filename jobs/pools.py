"""Jobs of pools."""

from __future__ import annotations

from jobs.process import platform
from services.fleet.pools.snapshot import repair
from services.reporting import reach


def repair_pools() -> None:
    """Bring what `/go` knows in line with the database, should an announcement have been lost."""
    repair(platform())


def count_people(account_id: int) -> None:
    """Count who knows which of an account's bots, for its lifeboat."""
    reach.count_people(platform(), account_id)
