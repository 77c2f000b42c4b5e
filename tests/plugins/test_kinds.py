"""Every kind of update can have a route, and what such a handler wants goes where the update belongs."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.base import BasePlugin
from plugins.router import Router
from plugins.testing import Chat
from services.messaging.plugin_kit.chat import NOBODYS

ANA = {"id": 5, "is_bot": False, "first_name": "Ana"}
HERE = {"id": 5, "type": "private", "first_name": "Ana"}
MESSAGE = {"message_id": 1, "date": 1, "chat": HERE, "text": "hi"}
MEMBER = {"status": "member", "user": ANA}
CHANGED = {"chat": HERE, "date": 1, "old_chat_member": MEMBER, "new_chat_member": MEMBER}
BOOST = {"boost_id": "b", "source": {"source": "premium", "user": ANA}}
ADDRESS = {
    "country_code": "BR",
    "state": "",
    "city": "",
    "street_line1": "",
    "street_line2": "",
    "post_code": "",
}
PAYING = {"id": "1", "currency": "BRL", "total_amount": 100, "invoice_payload": "x"}
KINDS: dict[str, dict[str, Any]] = {
    "message": MESSAGE,
    "edited_message": MESSAGE,
    "channel_post": MESSAGE,
    "edited_channel_post": MESSAGE,
    "business_connection": {"id": "c", "user": ANA, "user_chat_id": 5, "date": 1, "is_enabled": True},
    "business_message": {**MESSAGE, "business_connection_id": "c"},
    "edited_business_message": {**MESSAGE, "business_connection_id": "c"},
    "deleted_business_messages": {"business_connection_id": "c", "chat": HERE, "message_ids": [1]},
    "message_reaction": {
        "chat": HERE,
        "message_id": 1,
        "date": 1,
        "user": ANA,
        "old_reaction": [],
        "new_reaction": [],
    },
    "message_reaction_count": {"chat": HERE, "message_id": 1, "date": 1, "reactions": []},
    "inline_query": {"id": "1", "query": "tea", "offset": ""},
    "chosen_inline_result": {"result_id": "1", "query": "tea"},
    "callback_query": {"id": "1", "chat_instance": "1", "data": "raw", "message": MESSAGE},
    "shipping_query": {"id": "1", "invoice_payload": "x", "shipping_address": ADDRESS},
    "pre_checkout_query": PAYING,
    "purchased_paid_media": {"paid_media_payload": "x"},
    "poll": {
        "id": "1",
        "question": "?",
        "options": [],
        "total_voter_count": 0,
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
    },
    "poll_answer": {"poll_id": "1", "user": ANA, "option_ids": [0], "option_persistent_ids": ["a"]},
    "my_chat_member": CHANGED,
    "chat_member": CHANGED,
    "chat_join_request": {"chat": HERE, "user_chat_id": 5, "date": 1},
    "chat_boost": {"chat": HERE, "boost": {**BOOST, "add_date": 1, "expiration_date": 2}},
    "removed_chat_boost": {"chat": HERE, **BOOST, "remove_date": 1},
}


class Hears(BasePlugin):
    """Says which kind it heard of."""

    name = "hears"
    allowed_updates = tuple(KINDS)

    def setup_handlers(self, router: Router) -> None:
        for kind in KINDS:
            router.on(kind)(
                lambda _event, ctx: ctx.api(
                    "heard", kind=ctx.kind, raw=ctx.update[ctx.kind], person=ctx.lead.telegram_id
                )
            )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_update_has_a_route(kind: str) -> None:
    chat = Chat(Hears)
    chat.update(kind, KINDS[kind])
    method, params = chat.telegram.calls[0]
    assert (method, params["kind"]) == ("heard", kind)
    assert bool(params["person"]) is (kind not in NOBODYS)
    assert params["raw"].items() >= KINDS[kind].items()


def test_a_kind_that_nobody_knows_passes_untouched() -> None:
    chat = Chat(Hears)
    chat.update("moon_phase", {"phase": "full"})
    assert chat.telegram.calls == []
