"""The file of a bot's texts: exact in both directions, whatever is in them, and plain about what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.fleet.configuration.text_file import ReadText, read, written

NASTY = st.lists(
    st.sampled_from(["##", "## a.b", "\\", "\n", "\r", "\r\n", " ", "#", "é", "\x0b", "\u2028", "\ufeff"])
)
TEXTS = st.one_of(st.text(), NASTY.map("".join))


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_any_texts_are_read_as_they_were_written_also_from_windows(texts: list[str]) -> None:
    named = {f"menu.buttons.{number}.text": text for number, text in enumerate(texts)}
    document = written(named)
    forms = [document, "\ufeff" + document]
    if "\r" not in document:
        forms.append(document.replace("\n", "\r\n"))
    for form in forms:
        assert {place: found.text for place, found in read(form)[0].items()} == named


def test_blank_lines_around_a_text_do_not_count() -> None:
    texts, problems = read("\n\n## start.a\n\n\nHi\n\nyou\n\n\n\n## start.b\n")
    assert texts == {"start.a": ReadText(3, 6, "Hi\n\nyou"), "start.b": ReadText(12, 13, "")}
    assert problems == []


@pytest.mark.parametrize(
    ("document", "code", "line"),
    [
        ("\nHi\n## start.a", "texts_before_header", 2),
        ("## start.a\nHi\n##start.b", "texts_header_malformed", 3),
        ("## \n", "texts_header_malformed", 1),
        ("## start.a\nHi\n\n## start.a\nHo", "texts_doubled", 4),
    ],
)
def test_a_file_that_is_not_clear_is_refused_with_its_line(document: str, code: str, line: int) -> None:
    [problem] = read(document)[1]
    assert (problem.error.code, problem.line) == (code, line)
    assert f"Line {line}:" in str(problem.error)


def test_every_mistake_is_found_at_once() -> None:
    problems = read("Hi\nthere\n##start.a\nHi\n## start.b\n## start.b\n")[1]
    assert [(each.line, each.error.code) for each in problems] == [
        (1, "texts_before_header"),
        (3, "texts_header_malformed"),
        (6, "texts_doubled"),
    ]
