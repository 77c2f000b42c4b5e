"""Quiet hours: wall-clock times of a zone, so they follow its clock changes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class QuietHours:
    """From `begin` (included) to `end` (excluded) on the clock of `zone`; `end` before `begin` is the next morning."""

    begin: time
    end: time
    zone: ZoneInfo


def quiet_ends(hours: QuietHours, at: datetime) -> datetime | None:
    """When the quiet that reigns at the aware moment `at` ends, in UTC; None when it is not quiet.

    A wall time that a clock change skips counts as the same moment on the new clock; one that comes twice ends
    the quiet the first time, unless that has passed already.
    """
    local = at.astimezone(hours.zone)
    if not _is_quiet(hours, local.time().replace(tzinfo=None)):
        return None
    day = local.date()
    if local.time() >= hours.end:  # only possible in a night that ends tomorrow
        day += timedelta(days=1)
    first, second = (_moment(hours, day, fold) for fold in (0, 1))
    return first if first > at else max(second, at)


def _is_quiet(hours: QuietHours, now: time) -> bool:
    if hours.begin <= hours.end:
        return hours.begin <= now < hours.end
    return now >= hours.begin or now < hours.end


def _moment(hours: QuietHours, day: date, fold: int) -> datetime:
    return datetime.combine(day, hours.end.replace(fold=fold), hours.zone).astimezone(UTC)
