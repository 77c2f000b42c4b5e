"""What Telegram added since the library's release makes neither an unreadable update nor a dead letter."""

from __future__ import annotations

from typing import Any

import pytest

from services.messaging.updates.event_reader import Unreadable, read_event

PERSON = {"id": 5, "is_bot": False, "first_name": "Ana"}
CHAT = {"id": 5, "type": "private"}
TEXT: dict[str, Any] = {"message_id": 1, "date": 1, "chat": CHAT, "from": PERSON, "text": "oi"}
ORIGIN = {"type": "from_the_moon", "date": 1}
LINK = {"invite_link": "x"}


@pytest.mark.parametrize(
    "unknown",
    [
        {"forward_origin": ORIGIN},
        {"reply_to_message": {**TEXT, "forward_origin": ORIGIN}},
        {"entities": [{"type": "bold"}]},
        {"poll": {"id": 1}},
    ],
    ids=lambda part: next(iter(part)),
)
def test_a_part_that_the_library_cannot_read_is_passed_over(unknown: dict[str, Any]) -> None:
    event = read_event({"update_id": 1, "message": {**TEXT, **unknown}}, "message")
    assert (event.text, event.chat.id, event.from_user.id) == ("oi", 5, 5)


def test_a_kind_that_the_library_does_not_know_is_no_event() -> None:
    assert read_event({"update_id": 1, "moon_landing": {"id": 1}}, "moon_landing") is None


@pytest.mark.parametrize("content", [{"message_id": 1}, 5, None, [], {"chat": 1, "from": 2}])
def test_what_lacks_the_necessary_is_unreadable(content: Any) -> None:
    try:
        event = read_event({"update_id": 1, "message": content}, "message")
    except Unreadable:
        return
    assert event is None
