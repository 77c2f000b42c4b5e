"""First contacts and starts, written in batches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from services.messaging.updates.contacts import Contacts, _Meeting
from services.platform.platform import Platform
from tools.servers.fleet import add_bot


@pytest.mark.data
def test_a_person_whose_id_no_column_holds_fails_alone(platform: Platform) -> None:
    bot = add_bot(platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35})

    def person(number: int) -> Any:
        return SimpleNamespace(id=number, first_name="Ana", last_name="", username="", language_code="pt")

    meetings = [_Meeting(bot.id, update, person(number), None) for update, number in enumerate((1, 2**70, 2))]
    first, second, third = Contacts(platform)._write(meetings)
    assert (first, third) == ("", "")
    assert isinstance(second, Exception)
