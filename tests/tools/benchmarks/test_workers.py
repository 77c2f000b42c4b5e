"""What the benchmark of bots' own programs counts, of what a played Telegram got."""

from __future__ import annotations

import pytest

from tools.benchmarks.worker_kills import Counted, count

WRITTEN = ("5 1", "6 1", "5 2", "5 3")


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        (("5 1", "5 2", "6 1", "5 3"), Counted(0, 0, 0)),
        (("5 1", "5 2", "5 3"), Counted(1, 0, 0)),
        (("5 1", "6 1", "5 3", "5 2"), Counted(0, 1, 0)),
        (("5 1", "6 1", "5 2", "5 3", "5 1", "6 1"), Counted(0, 0, 2)),
        ((), Counted(4, 0, 0)),
    ],
)
def test_what_is_missing_late_in_its_chat_or_said_twice_is_counted(
    said: tuple[str, ...], counted: Counted
) -> None:
    assert count(WRITTEN, said) == counted
