"""Tables as Meta, TikTok and Google export them are read to the millionth, and what cannot be read is named with its line."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.errors import InvalidInput
from services.traffic.spend.fields import Layout
from services.traffic.spend.guessing import guess, preview
from services.traffic.spend.problems import SAID
from services.traffic.spend.reading import Problem, lines_of, read_costs
from services.traffic.spend.values import WrongCell, day_of_cell, micros_of_cell, spread

META = (
    "\ufeffReporting starts,Reporting ends,Campaign name,Ad name,Amount spent (BRL),Impressions\r\n"
    ',,,,"1,300.30",\r\n'
    '2026-11-01,2026-11-03,Verão,Vídeo 1,"1,234.56",10\r\n'
    "2026-11-02,2026-11-02,Verão,Vídeo 2,65.74,3\r\n"
)
GOOGLE = (
    'Campaign report\n"November 1, 2026 - November 2, 2026"\nDay\tCampaign\tCost\tCurrency code\n'
    "2026-11-01\tlaunch\t3.10\tUSD\n2026-11-02\tlaunch\t0\tUSD\nTotal: Account\t\t3.10\tUSD\n"
)
PORTUGUESE = "Data;Origem;Campanha;Valor gasto;Moeda\n13/11/2026;FB ;Verão;R$ 1.234,5;BRL\n"
PLAIN = Layout(day="day", amount="cost", always_source="fb", always_currency="BRL")


def costs(text: str, layout: Layout | None = None, source: str = "fb") -> list[tuple[str, ...]]:
    """What a table says, each as (day, source, campaign, ad, millionths, currency)."""
    lines = list(lines_of([text]))
    found: list[tuple[str, ...]] = []
    for each in read_costs(lines, layout or guess(lines, source, "")):
        assert isinstance(each, list), each
        found += [(str(one.key.day), *one.key[1:], str(one.micros), one.currency) for one in each]
    return found


def test_an_export_of_meta_is_spread_over_its_days_and_its_totals_left_out() -> None:
    assert costs(META) == [
        ("2026-11-01", "fb", "Verão", "Vídeo 1", "411520000", "BRL"),
        ("2026-11-02", "fb", "Verão", "Vídeo 1", "411520000", "BRL"),
        ("2026-11-03", "fb", "Verão", "Vídeo 1", "411520000", "BRL"),
        ("2026-11-02", "fb", "Verão", "Vídeo 2", "65740000", "BRL"),
    ]


def test_an_export_of_google_begins_below_its_title() -> None:
    assert costs(GOOGLE, source="google") == [
        ("2026-11-01", "google", "launch", "", "3100000", "USD"),
        ("2026-11-02", "google", "launch", "", "0", "USD"),
    ]


def test_decimal_commas_and_days_first_are_seen() -> None:
    assert costs(PORTUGUESE) == [("2026-11-13", "fb", "Verão", "", "1234500000", "BRL")]


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("2026-13-01,5", "day", "spend_day_wrong"),
        ("1999-01-01,5", "day", "spend_day_wrong"),
        ("2026-11-01,abc", "cost", "spend_amount_wrong"),
        ("2026-11-01,", "cost", "spend_amount_wrong"),
        ("2026-11-01,-5", "cost", "spend_amount_negative"),
        ("2026-11-01,0.0000001", "cost", "spend_amount_fine"),
        ("2026-11-01,1000000001", "cost", "spend_amount_large"),
    ],
)
def test_a_wrong_line_is_named(line: str, column: str, code: str) -> None:
    [right, wrong] = read_costs(lines_of([f"day,cost\n2026-11-01,1\n{line}\n"]), PLAIN)
    assert isinstance(right, list)
    assert isinstance(wrong, Problem)
    assert (wrong.line, wrong.column, wrong.code) == (3, column, code)
    assert code in SAID


def test_a_missing_column_an_open_quotation_mark_and_nothing_at_all_are_problems() -> None:
    for text, code in (
        ("day,price\n", "spend_column_missing"),
        ("", "spend_column_missing"),
        ('day,cost\n2026-11-01,"' + "x" * 200_000, "spend_line_unreadable"),
    ):
        [problem] = read_costs(lines_of([text]), PLAIN)
        assert isinstance(problem, Problem)
        assert problem.code == code


def test_lines_are_the_same_however_a_text_is_cut() -> None:
    whole = list(lines_of([META]))
    assert list(lines_of(META)) == whole == META.splitlines(keepends=True)


def test_what_is_no_table_of_costs_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput) as refused:
        preview("a,b\n1,2\n", None, "fb", "BRL")
    assert refused.value.code == "table_unknown"
    for broken in ("day\rcost\rx\n", "day,cost\n2026-11-01\r2,1\n"):  # an old Macintosh's ends of lines
        with pytest.raises(InvalidInput):
            preview(broken, None, "fb", "BRL")
    [problem] = preview("day\rcost\n", PLAIN, "fb", "BRL")["problems"]
    assert problem["code"] == "spend_line_unreadable"
    wide = f"day,cost{' ' * 300}(BRL)\n"
    with pytest.raises(InvalidInput):
        preview(wide, None, "fb", "")
    shown = preview(META, None, "fb", "")
    assert shown["layout"]["always_currency"] == "BRL"
    assert [row["amount_micros"] for row in shown["rows"]] == [411_520_000] * 3 + [65_740_000]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**15), st.integers(1, 400))
def test_an_amount_over_days_loses_nothing(micros: int, days: int) -> None:
    first = date(2026, 1, 1)
    parts = list(spread(micros, first, date.fromordinal(first.toordinal() + days - 1)))
    assert sum(part for _, part in parts) == micros
    assert max(part for _, part in parts) - min(part for _, part in parts) <= 1
    assert len({day for day, _ in parts}) == days


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**15), st.sampled_from(".,"), st.booleans())
def test_an_amount_is_read_as_it_was_written(micros: int, mark: str, grouped: bool) -> None:
    whole, fraction = divmod(micros, 10**6)
    other = "," if mark == "." else "."
    written = f"{whole:,}".replace(",", other) if grouped else str(whole)
    read = micros_of_cell(f"{written}{mark}{fraction:06d}", mark)
    assert Fraction(read, 10**6) == whole + Fraction(fraction, 10**6)


def test_a_span_ends_after_it_begins_and_is_no_longer_than_a_year() -> None:
    for last, code in ((date(2025, 12, 31), "spend_days_reversed"), (date(2027, 6, 1), "spend_days_many")):
        with pytest.raises(WrongCell) as wrong:
            spread(1, date(2026, 1, 1), last)
        assert wrong.value.code == code
    assert day_of_cell("03/04/26", "dmy") == date(2026, 4, 3)
    assert day_of_cell("2026-11-01 00:00:00", "dmy") == date(2026, 11, 1)
