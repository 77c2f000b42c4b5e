"""An update of every kind of Bot API 10.3, with the fields that Telegram always sends, and who and where it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ANA = {"id": 5, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
BOT = {"id": 7001, "is_bot": True, "first_name": "Bot", "username": "trial_bot"}
PRIVATE = {"id": 5, "type": "private", "first_name": "Ana"}
GROUP = {"id": -1009, "type": "supergroup", "title": "G"}
CHANNEL = {"id": -1005, "type": "channel", "title": "C"}
TEXT: dict[str, Any] = {"message_id": 3, "date": 1, "chat": PRIVATE, "from": ANA, "text": "oi"}
POST: dict[str, Any] = {
    "message_id": 4,
    "date": 1,
    "chat": CHANNEL,
    "sender_chat": CHANNEL,
    "text": "news",
}
OPTION = {"persistent_id": "a", "text": "yes", "voter_count": 1, "text_entities": [], "added_by_user": ANA}
POLL: dict[str, Any] = {
    "id": "p",
    "question": "Well?",
    "options": [OPTION],
    "total_voter_count": 1,
    "is_closed": False,
    "is_anonymous": False,
    "type": "regular",
    "allows_multiple_answers": False,
    "allows_revoting": True,
    "members_only": False,
}
ADDRESS = dict.fromkeys(("country_code", "state", "city", "street_line1", "street_line2", "post_code"), "x")
BOOST = {
    "boost_id": "b",
    "add_date": 1,
    "expiration_date": 2,
    "source": {"source": "premium", "user": ANA},
}
MEMBERSHIP: dict[str, Any] = {
    "chat": GROUP,
    "from": ANA,
    "date": 1,
    "old_chat_member": {"status": "left", "user": BOT},
    "new_chat_member": {"status": "member", "user": BOT},
}
REACTION = {"type": "emoji", "emoji": "👍"}


@dataclass(frozen=True)
class Kind:
    """What an update of a kind holds, and the chat and person that a handler finds; 0 for nobody."""

    content: dict[str, Any]
    chat_id: int
    person: int = 5


KINDS = {
    "message": Kind(TEXT, 5),
    "edited_message": Kind({**TEXT, "edit_date": 2}, 5),
    "channel_post": Kind(POST, -1005, 0),
    "edited_channel_post": Kind({**POST, "edit_date": 2}, -1005, 0),
    "business_connection": Kind(
        {"id": "b", "user": ANA, "user_chat_id": 5, "date": 1, "is_enabled": True}, 5
    ),
    "business_message": Kind({**TEXT, "business_connection_id": "b"}, 5),
    "edited_business_message": Kind({**TEXT, "business_connection_id": "b", "edit_date": 2}, 5),
    "deleted_business_messages": Kind(
        {"business_connection_id": "b", "chat": PRIVATE, "message_ids": [1]}, 5, 0
    ),
    "guest_message": Kind({**TEXT, "chat": GROUP, "guest_query_id": "g"}, -1009),
    "message_reaction": Kind(
        {
            "chat": GROUP,
            "message_id": 3,
            "user": ANA,
            "date": 1,
            "old_reaction": [],
            "new_reaction": [REACTION],
        },
        -1009,
    ),
    "message_reaction_count": Kind(
        {"chat": CHANNEL, "message_id": 3, "date": 1, "reactions": [{"type": REACTION, "total_count": 1}]},
        -1005,
        0,
    ),
    "inline_query": Kind({"id": "1", "from": ANA, "query": "q", "offset": ""}, 5),
    "chosen_inline_result": Kind({"result_id": "1", "from": ANA, "query": "q"}, 5),
    "callback_query": Kind(
        {"id": "1", "from": ANA, "chat_instance": "1", "data": "any", "message": {**TEXT, "from": BOT}}, 5
    ),
    "shipping_query": Kind({"id": "1", "from": ANA, "invoice_payload": "x", "shipping_address": ADDRESS}, 5),
    "pre_checkout_query": Kind(
        {"id": "1", "from": ANA, "currency": "XTR", "total_amount": 1, "invoice_payload": "x"}, 5
    ),
    "purchased_paid_media": Kind({"from": ANA, "paid_media_payload": "x"}, 5),
    "poll": Kind(POLL, 0, 0),
    "poll_answer": Kind({"poll_id": "p", "user": ANA, "option_ids": [0], "option_persistent_ids": ["a"]}, 5),
    "my_chat_member": Kind(MEMBERSHIP, -1009),
    "chat_member": Kind(MEMBERSHIP, -1009),
    "chat_join_request": Kind({"chat": GROUP, "from": ANA, "user_chat_id": 5, "date": 1}, -1009),
    "chat_boost": Kind({"chat": CHANNEL, "boost": BOOST}, -1005, 0),
    "removed_chat_boost": Kind(
        {"chat": CHANNEL, "boost_id": "b", "remove_date": 2, "source": BOOST["source"]}, -1005, 0
    ),
    "managed_bot": Kind({"user": ANA, "bot": BOT}, 5),
    "subscription": Kind({"user": ANA, "invoice_payload": "x", "state": "canceled"}, 5),
    "stopped_message_generation": Kind({"chat": PRIVATE, "draft_id": 9}, 5, 0),
}


def update_of(kind: str, update_id: int = 1, **more: Any) -> dict[str, Any]:
    """An update of `kind`, with fields that this release does not know where asked for."""
    return {"update_id": update_id, kind: {**KINDS[kind].content, **more}}
