"""What people are told when they were too quick."""

from __future__ import annotations

import pytest

from services.messaging.limits.notices import _texts
from services.messaging.limits.verdicts import Refusal


@pytest.mark.parametrize(("seconds", "unit"), [(1, "1 segundo."), (2, "2 segundos."), (0, "0 segundos.")])
def test_one_second_is_singular(seconds: int, unit: str) -> None:
    assert _texts(Refusal.WINDOW, seconds)["pt"].endswith(unit)
