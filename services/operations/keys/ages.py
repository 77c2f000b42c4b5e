"""How old the keys are, and since when the newest one seals: from the key file, or from when they were first seen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from services.core.key_file import key_times
from services.core.times import from_epoch, utc_now
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys


@dataclass(frozen=True)
class KeyAge:
    """A key in force; `leading_since` is None for one that has never been in front."""

    fingerprint: str
    made_at: datetime
    leading_since: datetime | None

    @property
    def days(self) -> float:
        """Its age in days."""
        return (utc_now() - self.made_at).total_seconds() / 86_400


def key_ages(platform: Platform) -> list[KeyAge]:
    """The keys in force, newest first. Keys of the environment are noted in Redis when they are first seen.

    Raises RedisError, OSError or ConfigurationError.
    """
    platform.vault.look()
    names = platform.vault.fingerprints
    if platform.settings.keys_are_kept:
        known = key_times(platform.settings.keys_file)
        return [KeyAge(name, *known[name]) for name in names if name in known]
    return _first_seen(platform, names)


def _first_seen(platform: Platform, names: tuple[str, ...]) -> list[KeyAge]:
    seen, now = upkeep_keys.first_sights(), int(time.time())
    with platform.redis.pipeline() as pipe:
        for name in names:
            pipe.hsetnx(seen, name, now)
        pipe.hsetnx(seen, f"{names[0]}:leading", now)
        pipe.hgetall(seen)
        kept = pipe.execute()[-1]
    return [
        KeyAge(
            name,
            from_epoch(int(kept[name])),
            from_epoch(int(kept[leading])) if (leading := f"{name}:leading") in kept else None,
        )
        for name in names
    ]
