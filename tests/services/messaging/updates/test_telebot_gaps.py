"""Every kind of update reaches its route whole, and what the library reads wrongly is read right.

A test that begins with `test_the_library` shows a gap in the library alone: once it fails, the gap is closed there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from telebot import types, util

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import Router
from services.messaging.updates.event_reader import read_event
from services.platform.platform import Platform
from tests.plugins.offering import offered
from tests.services.messaging.draining import handle_all, letters
from tests.services.messaging.updates.update_kinds import KINDS, OPTION, POLL, TEXT, update_of
from tools.servers.fleet import accept_all, add_bot

seen: dict[str, Context] = {}


class WitnessPlugin(BasePlugin):
    """Takes an update of every kind."""

    name = "witness"

    def setup_handlers(self, router: Router) -> None:
        for kind in (*KINDS, "moon_landing"):
            router.on(kind, lambda _event, _ctx: True)(self._see)

    def _see(self, event: Any, ctx: Context) -> None:
        assert event is ctx.event
        seen[ctx.kind] = ctx


@pytest.fixture
def platform(platform: Platform) -> Iterator[Platform]:
    seen.clear()
    with offered(WitnessPlugin):
        yield platform


def test_an_update_of_every_kind_reaches_its_route_with_its_person_and_chat(platform: Platform) -> None:
    bot = add_bot(
        platform, {"id": 7001, "username": "trial_bot", "token": "7001:" + "A" * 35}, (("witness", {}),)
    )
    updates = [update_of(kind, 10 + number) for number, kind in enumerate(KINDS)]
    accept_all(platform, bot, [*deepcopy(updates), {"update_id": 90, "moon_landing": {"from": {"id": 5}}}])
    handle_all(platform)
    assert letters(platform) == []
    found = {kind: (ctx.chat_id, ctx.lead.telegram_id) for kind, ctx in seen.items()}
    assert found == {kind: (each.chat_id, each.person) for kind, each in KINDS.items()}
    assert [seen[kind].update for kind in KINDS] == updates  # as Telegram sent them


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_that_telegram_sends_is_there_whatever_it_adds(kind: str) -> None:
    for more in ({}, {"moon": 1}, {"moon": {"phase": [1]}}, {"moon": [{"phase": 1}]}):
        event = read_event(update_of(kind, **more), kind)
        missing = {
            name
            for name in KINDS[kind].content
            if getattr(event, "from_user" if name == "from" else name, None) is None
        }
        assert missing == set()


def test_the_kinds_are_all_that_the_library_knows() -> None:
    assert set(util.update_types) == KINDS.keys()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("paid_media", {"star_count": 1, "paid_media": []}),
        ("checklist", {"title": "c", "tasks": []}),
        (
            "refunded_payment",
            {
                "currency": "XTR",
                "total_amount": 1,
                "invoice_payload": "x",
                "telegram_payment_charge_id": "y",
            },
        ),
    ],
)
def test_content_whose_type_the_library_does_not_name_has_one(name: str, part: dict[str, Any]) -> None:
    content = {key: value for key, value in TEXT.items() if key != "text"} | {name: part}
    update = {"update_id": 1, "message": content}
    assert types.Update.de_json(deepcopy(update)).message.content_type is None  # type: ignore[no-untyped-call]
    assert read_event(update, "message").content_type == name


def test_the_library_still_looks_for_the_buyer_elsewhere() -> None:
    with pytest.raises(KeyError, match="from_user"):
        types.Update.de_json(update_of("purchased_paid_media"))  # type: ignore[no-untyped-call]


def test_the_library_still_takes_no_new_field_of_a_stopped_message() -> None:
    with pytest.raises(TypeError, match="moon"):
        types.Update.de_json(update_of("stopped_message_generation", moon=1))  # type: ignore[no-untyped-call]


def test_the_library_still_writes_into_what_it_reads_of_polls() -> None:
    update = {"update_id": 1, "message": {**TEXT, "reply_to_message": {**TEXT, "poll": deepcopy(POLL)}}}
    before = deepcopy(update)
    read_event(update, "message")
    assert update == before
    with suppress(Exception):
        types.Update.de_json(update)  # type: ignore[no-untyped-call]
    assert update != before
    assert OPTION["text_entities"] == []
