"""What the bot says by itself, too, lands where the update came from: apologies, limit notices, answers to inline taps."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import update

from models import Bot
from services.core.rate_limits import RateLimit
from services.platform.platform import Platform
from services.platform.redis import keys
from tests.services.messaging.draining import handle_all, letters
from tools.servers.fleet import accept_all, message, stream

GROUP = -1009


def in_topic(update_id: int, text: str) -> dict[str, Any]:
    """A message of Ana's in a topic of a group."""
    update = message(update_id, 5, text)
    place = {"chat": {"id": GROUP, "type": "supergroup", "title": "G", "is_forum": True}}
    update["message"] |= {**place, "message_thread_id": 7, "is_topic_message": True}
    return update


def inline_tap(update_id: int, data: str) -> dict[str, Any]:
    """A tap below a message that was sent by way of the bot, in a chat unknown to it."""
    person = message(update_id, 5, "x")["message"]["from"]
    query = {"id": str(update_id), "from": person, "inline_message_id": "i9", "chat_instance": "1"}
    return {"update_id": update_id, "callback_query": {**query, "data": data}}


def calls(platform: Platform, bot: Bot, priority: str = "reply") -> list[dict[str, Any]]:
    """The parameters of the calls in the bot's outbox."""
    entries = stream(platform, keys.outbox(bot.id, priority))
    return [json.loads(fields["call"])["params"] for _, fields in entries]


def test_the_apology_for_a_failed_handler_stays_in_the_topic(platform: Platform, bot: Bot) -> None:
    accept_all(platform, bot, [in_topic(1, "fail")])
    handle_all(platform)
    [letter] = letters(platform)
    [sorry] = calls(platform, bot)
    assert letter.error_id in sorry["text"]
    assert (sorry["chat_id"], sorry["message_thread_id"]) == (GROUP, 7)


def test_a_limit_notice_stays_in_the_topic(platform: Platform, bot: Bot) -> None:
    limits = {"text": RateLimit(limit=1, window=60)}
    changed = {"rate_limits_json": limits, "user_rate_per_minute": 60.0}
    limited = Platform(platform.settings.model_copy(update=changed))
    accept_all(limited, bot, [in_topic(1, "a"), in_topic(2, "b")])
    handle_all(limited)
    said, notice = calls(platform, bot)
    assert said["text"] == "a"
    assert notice["text"].startswith("⏳")
    assert (notice["chat_id"], notice["message_thread_id"]) == (GROUP, 7)


def test_what_the_bots_own_settings_say_goes_for_texts_that_name_nothing_and_for_limits(
    platform: Platform, bot: Bot
) -> None:
    limits = {"text": RateLimit(limit=1, window=60), "default": RateLimit(limit=9, window=60)}
    limited = Platform(
        platform.settings.model_copy(update={"rate_limits_json": limits, "user_rate_per_minute": 60.0})
    )
    settings = {"parse_mode": "MarkdownV2", "disable_web_page_preview": True, "limits_people": False}
    with platform.database.transaction() as session:
        session.execute(update(Bot).where(Bot.id == bot.id).values(**settings))
    accept_all(limited, bot, [message(1, 5, "a"), message(2, 5, "b")])
    handle_all(limited)
    with platform.database.transaction() as session:
        values = {"limits_people": True, "rate_per_minute": 60.0, "rate_burst": 1, "parse_mode": ""}
        session.execute(update(Bot).where(Bot.id == bot.id).values(**values))
    accept_all(limited, bot, [message(3, 6, "/c"), message(4, 6, "/d")])
    handle_all(limited)
    first, second, third, notice = calls(platform, bot)
    assert [first["text"], second["text"], third["text"]] == ["a", "b", "/c"]
    assert first["parse_mode"] == "MarkdownV2"
    assert first["link_preview_options"] == {"is_disabled": True}
    assert "parse_mode" not in third
    assert notice["text"].startswith("⏳")


def test_commands_for_another_bot_of_the_group_are_neither_answered_nor_limited(
    platform: Platform, bot: Bot
) -> None:
    limits = {"text": RateLimit(limit=1, window=60), "default": RateLimit(limit=1, window=60)}
    limited = Platform(
        platform.settings.model_copy(update={"rate_limits_json": limits, "user_rate_per_minute": 60.0})
    )
    others = [in_topic(number, "/play@other_bot chess") for number in (1, 2, 3)]
    accept_all(limited, bot, [*others, in_topic(4, "/play@trial_bot chess")])
    handle_all(limited)
    assert [call["text"] for call in calls(platform, bot)] == ["/play@trial_bot chess"]


def test_a_tap_below_an_inline_message_is_edited_and_leaves_no_dead_letter(
    platform: Platform, bot: Bot
) -> None:
    accept_all(platform, bot, [inline_tap(1, "edit")])
    handle_all(platform)
    assert letters(platform) == []
    assert calls(platform, bot) == [{"inline_message_id": "i9", "text": "edited", "parse_mode": "HTML"}]
    assert calls(platform, bot, "answer") == [{"callback_query_id": "1"}]
