"""The job of re-sealing: one stretch of it, and the next is queued by itself."""

from __future__ import annotations

from jobs.process import platform
from services.operations.keys.resealing import go_on_resealing


def reseal() -> None:
    """Seal anew, under the newest key, what an older one sealed."""
    go_on_resealing(platform())
