"""Time as the whole application sees it: always UTC, always aware."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


def utc_now() -> datetime:
    """The present moment, UTC-aware."""
    return datetime.now(UTC)


def from_epoch(seconds: float) -> datetime:
    """An aware UTC moment from seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: None) -> None: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """ISO 8601 with a trailing Z, as the API prints it; None stays None."""
    return (
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
    )


def hour_of(moment: datetime) -> datetime:
    """The UTC hour that `moment` lies in, the grain of the rollups."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The beginning of the UTC day that `moment` lies in, the life of a visitor's hash."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
