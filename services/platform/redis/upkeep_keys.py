"""Redis keys of upkeep: what operators and the clock do for the installation itself."""

from __future__ import annotations

from services.platform.redis.keys import PREFIX


def reseal_position() -> str:
    """JSON of how far re-sealing came, for whoever goes on with it; lives a day."""
    return f"{PREFIX}:upkeep:reseal"


def first_sights() -> str:
    """Hash fingerprint of an encryption key -> when it was first seen, and first seen in front. For ever: two fields per key."""
    return f"{PREFIX}:upkeep:keys"
