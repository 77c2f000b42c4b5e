"""The file of a bot's texts: exact in both directions, whatever is in them, and plain about what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.errors import InvalidInput
from services.fleet.configuration.text_file import read, written

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
        assert {place: text for place, (_, text) in read(form).items()} == named


def test_blank_lines_around_a_text_do_not_count() -> None:
    assert read("\n\n## start.a\n\n\nHi\n\nyou\n\n\n\n## start.b\n") == {
        "start.a": (3, "Hi\n\nyou"),
        "start.b": (12, ""),
    }


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
    with pytest.raises(InvalidInput) as refused:
        read(document)
    assert (refused.value.code, f"Line {line}:" in str(refused.value)) == (code, True)
