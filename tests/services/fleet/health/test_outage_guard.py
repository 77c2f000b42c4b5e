"""When failures are an outage."""

from __future__ import annotations

import pytest

from services.fleet.health.breaker import CheckOutcome, Health
from services.fleet.health.outage_guard import is_outage

LETTERS = {
    "g": CheckOutcome(Health.GOOD),
    "d": CheckOutcome(Health.DEAD, "unauthorized"),
    "t": CheckOutcome(Health.TRANSIENT, "timeout"),
    "n": CheckOutcome(Health.NONE),
}


@pytest.mark.parametrize(
    ("outcomes", "host_answers", "expected"),
    [
        ("", False, False),
        ("gg", False, False),
        ("t", True, False),
        ("t", False, True),
        ("tg", True, False),
        ("tg", False, True),
        ("dd", False, False),  # dead tokens are no outage
        ("ttg", True, True),  # from three on the majority decides, whatever the host says
        ("tgg", False, False),
        ("ttgg", False, False),  # half is not more than half
        ("tttgg", True, True),
        ("ttddd", False, False),
        ("tttdd", True, True),
        ("ttnn", True, False),
    ],
)
def test_the_majority_or_the_probe_decides(outcomes: str, host_answers: bool, expected: bool) -> None:
    assert is_outage([LETTERS[letter] for letter in outcomes], lambda: host_answers) is expected


def test_the_host_is_asked_only_when_needed() -> None:
    def never() -> bool:
        raise AssertionError("asked")

    assert not is_outage([LETTERS["g"], LETTERS["d"]], never)
    assert is_outage([LETTERS["t"]] * 3, never)
