"""Jobs of pools."""

from __future__ import annotations

from jobs.process import platform
from services.fleet.pools.snapshot import repair


def repair_pools() -> None:
    """Bring what `/go` knows in line with the database, should an announcement have been lost."""
    repair(platform())
