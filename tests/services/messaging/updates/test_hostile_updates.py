"""Whatever an update contains, it fails alone: the updates behind it in its lane are answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from models import Bot
from services.core.settings import Settings
from services.messaging.updates.intake import Intake
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.token_encryption import dump_sealed, load_opened
from tests.services.messaging.draining import handle_all, letters, replies
from tools.attack.hostile import TEXTS, TOKEN, VALUES
from tools.servers.fleet import message


def with_value(value: Any) -> Iterator[dict[str, Any]]:
    """Updates of many kinds with `value` in one of their fields each."""
    person = {"id": 5, "is_bot": False, "first_name": "Ana"}
    chat = {"id": 5, "type": "private"}
    text = {"message_id": 1, "date": 1, "chat": chat, "from": person, "text": "oi"}
    for field in (
        "text",
        "date",
        "chat",
        "from",
        "message_id",
        "entities",
        "contact",
        "web_app_data",
        "reply_to_message",
    ):
        yield {"message": {**text, field: value}}
    for field in ("id", "first_name", "username", "language_code", "is_bot"):
        yield {"message": {**text, "from": {**person, field: value}}}
        yield {"my_chat_member": {"chat": chat, "from": {**person, field: value}, "date": 1}}
    yield {"message": {**text, "chat": {**chat, "id": value}}}
    yield {"message": {**text, "web_app_data": {"data": value, "button_text": value}}}
    yield {"message": {**text, "contact": {"phone_number": value, "first_name": value, "vcard": value}}}
    for field in ("data", "id", "message", "from", "chat_instance"):
        yield {
            "callback_query": {
                "id": "1",
                "from": person,
                "message": text,
                "chat_instance": "1",
                "data": "x",
                field: value,
            }
        }
    yield {"inline_query": {"id": "1", "from": person, "query": value, "offset": value}}
    for kind in ("message", "edited_message", "callback_query", "poll", "something_new", "chat_join_request"):
        yield {kind: value}


@pytest.fixture
def settings_of_one_lane(settings: Settings) -> Settings:
    return settings.model_copy(update={"update_lanes": 1})


@pytest.fixture
def lane(platform: Platform, settings_of_one_lane: Settings) -> Platform:
    """The installation with a single lane, so that whatever stops it stops everybody."""
    return Platform(settings_of_one_lane)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_the_update_behind_a_hostile_one_is_answered(lane: Platform, bot: Bot, value: Any) -> None:
    intake = Intake(lane)
    sent = 0
    for number, update in enumerate(with_value(value)):
        body = json.dumps({"update_id": 10 + number, **update})
        intake.accept_body(bot.id, body.encode(errors="surrogatepass"))
        sent += 1
    intake.accept(bot.id, message(9999, 77, "marker"))
    handle_all(lane)
    assert [text for chat, text in replies(lane, bot) if chat == "77"] != []
    found = letters(lane)
    assert len({letter.source_id for letter in found}) == len(found) <= sent
    assert {letter.kind for letter in found} <= {"update", "intake"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@bounded(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON)
def test_what_is_sealed_is_opened_to_the_same_and_shows_no_token(platform: Platform, value: Any) -> None:
    stored = dump_sealed(platform.vault, value, 7)
    assert json.loads(stored) is not None or value is None
    assert TOKEN not in stored
    assert load_opened(platform.vault, stored, 7) == json.loads(
        json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()
    )


def test_what_telegram_may_add_one_day_makes_no_dead_letter(lane: Platform, bot: Bot) -> None:
    person, group = {"id": 5, "is_bot": False, "first_name": "Ana"}, {"id": -9, "type": "group", "title": "g"}
    ghost, hologram = {"status": "ghost", "user": person}, {"type": "hologram"}
    there = {"chat": group, "date": 1}
    reaction = {**there, "message_id": 1, "user": person, "old_reaction": [], "new_reaction": [hologram]}
    updates: list[dict[str, Any]] = [
        {"my_chat_member": {**there, "from": person, "old_chat_member": ghost, "new_chat_member": ghost}},
        {"chat_member": {**there, "from": person, "old_chat_member": ghost, "new_chat_member": ghost}},
        {"message_reaction": reaction},
        {"chat_boost": {"chat": group, "boost": {"source": {"source": "moon"}}}},
        {"moon_landing": {"from": person}},
        message(50, 77, "marker")
        | {"message": message(50, 77, "marker")["message"] | {"forward_origin": hologram}},
    ]
    intake = Intake(lane)
    for number, update in enumerate(updates):
        intake.accept(bot.id, {**update, "update_id": 50 + number})
    handle_all(lane)
    assert letters(lane) == []
    assert [chat for chat, _ in replies(lane, bot)] == ["77"]


def test_a_handler_finds_in_the_update_what_the_library_passes_over(lane: Platform, bot: Bot) -> None:
    update = message(1, 77, "raw")
    Intake(lane).accept(bot.id, update | {"message": update["message"] | {"moon": [1, {"x": TOKEN}]}})
    handle_all(lane)
    [(_, answer)] = replies(lane, bot)
    assert answer.startswith("moon: [1, {'x':")


def test_nothing_shaped_like_a_token_reaches_redis(lane: Platform, bot: Bot) -> None:
    intake = Intake(lane)
    for number, text in enumerate(TEXTS[:5]):
        intake.accept(bot.id, message(100 + number, 5, text))
    stored = str(lane.redis.xrange(keys.update_lane(0)))
    assert "A" * 28 not in stored
    assert "B" * 30 not in stored
