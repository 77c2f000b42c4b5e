"""What is finished is written in batches, in order, and can be waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from services.queueing.greenlet_pool import BatchWriter
from tools.servers.sandbox import wait_until

PATIENCE_SECONDS = 30.0


@pytest.mark.parametrize("gather", [0.0, 0.05])
def test_draining_waits_for_all_that_was_put_also_behind_a_full_batch(gather: float) -> None:
    written: list[list[int]] = []

    def write(batch: Sequence[int]) -> None:
        time.sleep(0.01)
        written.append(list(batch))

    writer = BatchWriter[int](write, largest=3, name="writer", gather=gather)
    for number in range(6):
        writer.put(number)
    writer.drain(PATIENCE_SECONDS)
    assert [each for batch in written for each in batch] == [0, 1, 2, 3, 4, 5]
    assert max(len(batch) for batch in written) <= 3
    writer.put(6)
    writer.end(PATIENCE_SECONDS)
    assert written[-1] == [6], "it goes on after it was drained"


def test_draining_ends_with_its_patience_and_what_was_put_is_written_all_the_same() -> None:
    written, going = list[int](), threading.Event()

    def write(batch: Sequence[int]) -> None:
        going.wait(PATIENCE_SECONDS)
        written.extend(batch)

    writer = BatchWriter[int](write, largest=1, name="writer")
    for number in range(3):
        writer.put(number)
    writer.drain(0.05)
    assert written == []
    going.set()
    wait_until(lambda: written == [0, 1, 2])
    writer.end(PATIENCE_SECONDS)


def test_a_batch_that_cannot_be_written_is_said_and_holds_up_none_behind_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    written: list[int] = []

    def write(batch: Sequence[int]) -> None:
        if 1 in batch:
            raise ValueError("on order")
        written.extend(batch)

    writer = BatchWriter[int](write, largest=1, name="writer")
    for number in (1, 2):
        writer.put(number)
    writer.end(PATIENCE_SECONDS)
    assert written == [2]
    assert "1 results cannot be written" in caplog.text
