"""A workbook holds what was put into it, whatever a source is called."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.analytics.workbook import workbook
from tests.services.reporting.analytics.reading_workbooks import cells_of

ROWS: list[dict[str, Any]] = [
    {"label": "promoção de março", "redirects": 12, "share": 33.3},
    {"label": "=HYPERLINK(1)", "redirects": -5},
    {"label": ' <b>&amp;"', "redirects": 2**40, "share": 0.0},
]


def test_texts_stay_texts_and_numbers_are_numbers() -> None:
    assert cells_of(workbook(("label", "redirects", "share"), ROWS)) == [
        ["label", "redirects", "share"],
        ["promoção de março", 12, 33.3],
        ["=HYPERLINK(1)", -5, None],
        [' <b>&amp;"', 2**40, 0],
    ]


def test_columns_go_on_after_z() -> None:
    names = [f"column {number}" for number in range(60)]
    row = {name: number for number, name in enumerate(names)}
    assert cells_of(workbook(names, [row])) == [names, list(range(60))]


def test_what_xml_cannot_hold_is_replaced_and_the_file_still_opens() -> None:
    assert cells_of(workbook(("a\0b",), [{"a\0b": "x\x1b\ud800y"}])) == [["a\ufffdb"], ["x\ufffd\ufffdy"]]


@given(st.lists(st.text(max_size=20), max_size=5))
def test_every_workbook_opens(labels: list[str]) -> None:
    assert len(cells_of(workbook(("label",), [{"label": label} for label in labels]))) == len(labels) + 1


def test_the_same_rows_make_the_same_file() -> None:
    assert workbook(("label",), ROWS) == workbook(("label",), ROWS)
