"""Formulas, periods and CSV cells, without any database."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import InvalidInput
from services.fleet.health.durations import CLASSES, class_of
from services.reporting.analytics.figures import percent_text, percentage, percentile
from services.reporting.analytics.period import Period, period
from services.reporting.analytics.table import csv_lines
from services.traffic.clicks.source import source_of

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)


def test_a_percentage_of_nothing_is_none_and_its_text_still_says_something() -> None:
    assert [percentage(1, 3), percentage(0, 5), percentage(0, 0)] == [33.3, 0.0, None]
    assert [percent_text(3, 4), percent_text(1, 0), percent_text(0, 0)] == ["75%", "100%", "0%"]


@given(st.lists(st.integers(0, 29_999), min_size=1, max_size=300), st.floats(0.01, 1))
def test_a_percentile_lies_in_the_class_of_the_true_one(values: list[int], part: float) -> None:
    classes = dict.fromkeys(CLASSES, 0)
    for value in values:
        classes[class_of(value)] += 1
    found = percentile(classes, part)
    true = sorted(values)[max(0, -(-round(part * len(values), 6) // 1).__int__() - 1)]
    assert found is not None
    upper = class_of(true)
    lower = max((bound for bound in CLASSES if bound < upper), default=0)
    assert lower - 1e-6 <= found <= upper + 1e-6


def test_no_checks_have_no_percentile() -> None:
    assert percentile({}, 0.95) is None


def test_without_dates_a_report_is_about_seven_days_of_the_zone_up_to_this_hour() -> None:
    found = period("", "", "America/Sao_Paulo", NOW)
    assert found.begin == datetime(
        2026, 11, 13, 3, tzinfo=UTC
    )  # midnight of the 13th there, where it is the 19th
    assert found.end == datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert len({found.day_of(hour) for hour in found.hours}) == 7


def test_a_date_is_a_whole_day_and_of_moments_the_hours_count_that_begin_between_them() -> None:
    day = period("2026-11-18", "2026-11-19", "America/Sao_Paulo", NOW)
    assert (day.begin, len(day.hours)) == (datetime(2026, 11, 18, 3, tzinfo=UTC), 48)
    moment = period("2026-11-18T10:20:00Z", "2026-11-18T12:01:00+00:00", "", NOW)
    assert (moment.begin.hour, moment.end.hour) == (11, 13)
    exact = period("2026-11-18T10:00:00Z", "2026-11-18T12:00:00Z", "", NOW)
    assert [hour.hour for hour in exact.hours] == [10, 11]


def test_days_of_a_change_of_clocks_have_23_and_25_hours() -> None:
    spring = period("2026-03-29", "2026-03-29", "Europe/Lisbon", NOW)
    autumn = period("2026-10-25", "2026-10-25", "Europe/Lisbon", NOW)
    assert (len(spring.hours), len(autumn.hours)) == (23, 25)


@pytest.mark.parametrize("month", ["2026-03", "2026-10"])
def test_the_days_of_a_month_add_up_to_the_month_in_every_zone(month: str) -> None:
    first = date.fromisoformat(f"{month}-01")
    days = [first + timedelta(days=step) for step in range(monthrange(first.year, first.month)[1])]
    zones = available_timezones()
    assert len(zones) > 400
    for zone in zones:
        whole = period(str(days[0]), str(days[-1]), zone, NOW)
        parts = [period(str(day), str(day), zone, NOW) for day in days]
        assert [hour for part in parts for hour in part.hours] == whole.hours, zone
        named = [{part.day_of(hour) for hour in part.hours} for part in parts]
        assert named == [{str(day)} for day in days], zone


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=3, unique=True).map(sorted))
def test_two_periods_that_follow_each_other_are_the_whole(minutes: list[int]) -> None:
    def hours(begin: int, end: int) -> list[datetime]:
        moments = [(NOW + timedelta(minutes=each)).isoformat() for each in (begin, end)]
        try:
            return period(moments[0], moments[1], "Asia/Kathmandu", NOW).hours
        except InvalidInput:
            return []  # too short for an hour to begin in it

    begin, middle, end = minutes
    assert hours(begin, middle) + hours(middle, end) == hours(begin, end)


@pytest.mark.parametrize(
    ("begin", "end", "zone", "field"),
    [
        ("yesterday", "", "", "from"),
        ("", "2026-13-01", "", "to"),
        ("2026-11-20", "2026-11-19", "", "to"),
        ("2026-11-18T10:20:00Z", "2026-11-18T10:40:00Z", "", "to"),
        ("2020-01-01", "2026-01-01", "", "from"),
        ("", "", "Mars/Olympus", "tz"),
        ("", "", "../../etc/passwd", "tz"),
        ("0001-01-01", "0001-01-02", "Asia/Tokyo", "from"),
        ("", "9999-12-31", "", "to"),
    ],
)
def test_a_period_that_is_none_names_its_field(begin: str, end: str, zone: str, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        period(begin, end, zone, NOW)
    assert caught.value.field == field


@given(
    st.integers(0, 24 * 60), st.sampled_from(["UTC", "America/Sao_Paulo", "Asia/Kolkata", "Europe/Lisbon"])
)
def test_hours_tile_a_period_without_gap(minutes: int, zone: str) -> None:
    found = period("", "", zone, NOW + timedelta(minutes=minutes))
    assert isinstance(found, Period)
    assert found.hours[0] == found.begin
    assert found.hours[-1] + timedelta(hours=1) == found.end


def test_csv_cells_are_no_formulas() -> None:
    rows: list[dict[str, Any]] = [
        {"label": "=HYPERLINK(1)", "n": -5, "x": None},
        {"label": "@x"},
        {"label": "+1"},
        {"label": "a,b"},
    ]
    lines = list(csv_lines(("label", "n", "x"), rows))
    assert lines == [
        '"label","n","x"\r\n',
        '"\'=HYPERLINK(1)","-5",""\r\n',
        '"\'@x","",""\r\n',
        '"\'+1","",""\r\n',
        '"a,b","",""\r\n',
    ]


def test_the_source_is_the_campaigns_word_else_the_network_else_the_page_before() -> None:
    assert source_of({"utm_source": " FB ", "gclid": "x"}, "a.example") == "fb"
    assert source_of({"fbclid": "x", "gclid": "y"}, "a.example") == "gclid"
    assert source_of({"utm_medium": "cpc"}, "www.Instagram.com") == "instagram.com"
    assert source_of({}, "") == ""
    assert len(source_of({"utm_source": "x" * 200}, "")) == 60
