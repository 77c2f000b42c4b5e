"""The time that a report is about: whole hours, and days as a time zone has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from typing_extensions import TypedDict

from services.core.answer_types import Moment
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.times import hour_of, iso

HOUR = timedelta(hours=1)
DEFAULT_DAYS = 7
LONGEST_DAYS = 400
YEARS = range(1970, 3000)  # beyond them lies nothing, and the calendar's ends cannot be moved by an hour
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


PeriodView = TypedDict("PeriodView", {"from": Moment, "to": Moment, "tz": str})


@dataclass(frozen=True)
class Period:
    """From `begin` up to but without `end`, both whole UTC hours, the grain of the rollups; seen from `zone`."""

    begin: datetime
    end: datetime
    zone: ZoneInfo

    @property
    def hours(self) -> list[datetime]:
        """Every hour of it, oldest first."""
        return [self.begin + HOUR * step for step in range(round((self.end - self.begin) / HOUR))]

    def day_of(self, hour: datetime) -> str:
        """The day that `hour` begins on in the zone, as "2026-11-20"."""
        return hour.astimezone(self.zone).date().isoformat()

    def label_of(self, hour: datetime) -> str:
        """`hour` on the zone's clock, as "2026-11-20 14:00"."""
        return hour.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def former(self, now: datetime) -> Period:
        """The time before of the same length. While this period lasts, as much of that one as has passed of this one,
        to the nearest hour, at least one: today until noon is compared with yesterday until noon.
        """
        length = self.end - self.begin
        passed = round(max(timedelta(), min(now, self.end) - self.begin) / HOUR)
        begin = self.begin - length
        return Period(begin, begin + max(1, passed) * HOUR, self.zone)

    def as_json(self) -> PeriodView:
        """`from`, `to` (exclusive) and `tz`."""
        return {"from": iso(self.begin), "to": iso(self.end), "tz": self.zone.key}


def period(begin: str, end: str, zone: str, now: datetime) -> Period:
    """The period of a request: dates of the zone (`end` inclusive) or ISO moments (`end` exclusive, UTC unless they
    say); the last seven days without them. It holds the hours that begin in it, so that periods which follow each other
    share none and leave none out, in zones off by half an hour too. Raises InvalidInput with the field.
    """
    where = _zone(zone)
    given = _moment(begin, where, "from") if begin else None
    last = _moment(end, where, "to", whole_day=True) if end else hour_of(now) + HOUR
    first = given or midnight(_days_before(last, where), where)
    if not first < last:
        raise InvalidInput("The end must come after the beginning", field="to")
    first, last = _next_hour(first), _next_hour(last)
    if first == last:
        raise InvalidInput("No hour begins between the beginning and the end", field="to")
    if last - first > timedelta(days=LONGEST_DAYS):
        raise InvalidInput(Text("At most {days} days at once", days=LONGEST_DAYS), field="from")
    return Period(first, last, where)


def _next_hour(moment: datetime) -> datetime:
    """The first UTC hour that begins at `moment` or after it."""
    return -(-(moment - _EPOCH) // HOUR) * HOUR + _EPOCH


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder
        raise InvalidInput("This is no time zone such as America/Sao_Paulo", field="tz") from None


def _days_before(moment: datetime, zone: ZoneInfo) -> date:
    return (moment - timedelta(microseconds=1)).astimezone(zone).date() - timedelta(days=DEFAULT_DAYS - 1)


def _moment(text: str, zone: ZoneInfo, field: str, *, whole_day: bool = False) -> datetime:
    try:
        if len(text) == len("2026-11-20"):
            day = date.fromisoformat(text)
            _refuse_far(day)
            return midnight(day + timedelta(days=1) if whole_day else day, zone)
        found = datetime.fromisoformat(text)
        _refuse_far(found)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError:
        raise InvalidInput("This is no date such as 2026-11-20 and no ISO 8601 time", field=field) from None


def _refuse_far(day: date) -> None:
    if day.year not in YEARS:
        raise ValueError


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When a day of the zone begins."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
