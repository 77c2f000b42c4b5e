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


GROUP = {"id": -100, "type": "supergroup", "title": "g"}
LIKE = {"type": "emoji", "emoji": "👍"}
HOLOGRAM = {"type": "hologram", "depth": 3}
IN_GROUP: dict[str, Any] = {"chat": GROUP, "message_id": 1, "date": 1}


def test_of_reactions_those_that_the_library_knows_are_left() -> None:
    content = {**IN_GROUP, "user": PERSON, "old_reaction": [HOLOGRAM], "new_reaction": [LIKE, HOLOGRAM]}
    event = read_event({"update_id": 1, "message_reaction": content}, "message_reaction")
    assert (event.user.id, event.old_reaction) == (5, [])
    assert [reaction.emoji for reaction in event.new_reaction] == ["👍"]
    counts = [{"type": HOLOGRAM, "total_count": 1}, {"type": LIKE, "total_count": 2}]
    update = {"update_id": 1, "message_reaction_count": {**IN_GROUP, "reactions": counts}}
    assert [one.total_count for one in read_event(update, "message_reaction_count").reactions] == [2]


def test_a_list_without_anything_readable_leaves_no_trace_in_a_message() -> None:
    event = read_event({"update_id": 1, "message": {**TEXT, "photo": [{"size": "huge"}]}}, "message")
    assert (event.content_type, event.photo) == ("text", None)


@pytest.mark.parametrize("kind", ["my_chat_member", "chat_member"])
def test_a_member_of_an_unknown_kind_is_no_event_and_no_failure(kind: str) -> None:
    member, ghost = ({"status": status, "user": PERSON} for status in ("member", "ghost"))
    for old, new in ((member, ghost), (ghost, member), (ghost, ghost)):
        content = {"chat": GROUP, "from": PERSON, "date": 1, "old_chat_member": old, "new_chat_member": new}
        assert read_event({"update_id": 1, kind: content}, kind) is None


def test_a_checkout_that_cannot_be_read_is_not_passed_over() -> None:
    with pytest.raises(Unreadable):
        read_event({"update_id": 1, "pre_checkout_query": {"id": "1", "from": PERSON}}, "pre_checkout_query")


def test_a_kind_that_the_library_does_not_know_is_no_event() -> None:
    assert read_event({"update_id": 1, "moon_landing": {"id": 1}}, "moon_landing") is None


@pytest.mark.parametrize("content", [{"message_id": 1}, 5, None, [], {"chat": 1, "from": 2}])
def test_what_lacks_the_necessary_is_unreadable(content: Any) -> None:
    try:
        event = read_event({"update_id": 1, "message": content}, "message")
    except Unreadable:
        return
    assert event is None
