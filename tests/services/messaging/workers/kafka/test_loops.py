"""The loops of Kafka where there is none: they wait with the others for the end, and load no library."""

from __future__ import annotations

import sys

from services.messaging.workers.kafka.loops import feed_kafka, move_from_kafka
from services.platform.platform import Platform


def test_without_brokers_the_loops_do_nothing_until_they_are_told_to_end(platform: Platform) -> None:
    before = set(sys.modules)
    for loop in (feed_kafka, move_from_kafka):
        asked = iter((True, False))
        loop(platform, lambda: next(asked))  # noqa: B023  # called in this turn
        assert list(asked) == []  # it went on for as long as it was to
    assert {name for name in set(sys.modules) - before if "kafka" in name} == set()
