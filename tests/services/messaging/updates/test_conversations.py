"""Whose a conversation is, on the real road: by the bot's strategy, never another bot's, and not for ever."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import select

from models import Bot, FsmStrategy, Notification
from plugins.address import ANONYMOUS_ADMIN
from plugins.context import Context, Strategy
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.updates.contacts import Contacts
from services.messaging.updates.event_facts import conversation_key
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from tests.services.messaging.draining import TRIAL, handle_all, replies
from tools.servers.fleet import Plugins, accept_all, add_bot, message


def in_group(update_id: int, chat_id: int, person: int) -> dict[str, Any]:
    written = message(update_id, person, "count")
    written["message"]["chat"] = {"id": chat_id, "type": "supergroup", "title": "Group"}
    return written


def test_tables_and_plugins_know_the_same_strategies() -> None:
    assert {str(each) for each in FsmStrategy} == {str(each) for each in Strategy}


SEEN = {
    FsmStrategy.USER_IN_CHAT: ["seen 1", "seen 1", "seen 1"],
    FsmStrategy.GLOBAL_USER: ["seen 1", "seen 1", "seen 2"],
    FsmStrategy.CHAT: ["seen 1", "seen 2", "seen 1"],
}


def test_a_conversation_is_whose_the_bot_says_and_never_another_bots(platform: Platform) -> None:
    """The same people write to three bots, in the same groups."""
    platform = Platform(platform.settings.model_copy(update={"conversation_ttl_seconds": 7200}))
    bots = {
        strategy: add_bot(
            platform, {"id": 7100 + n, "username": f"bot_{n}", "token": f"{7100 + n}:" + "A" * 35}, TRIAL
        )
        for n, strategy in enumerate(SEEN)
    }
    with platform.database.transaction() as session:
        for strategy, bot in bots.items():
            session.get_one(Bot, bot.id).fsm_strategy = strategy
    for number, (chat, person) in enumerate([(-100, 1), (-100, 2), (-200, 1)]):
        for bot in bots.values():
            accept_all(platform, bot, [in_group(10 + number, chat, person)])
        handle_all(platform)  # one after the other: the chats of GLOBAL_USER are handled side by side
    assert {strategy: [text for _, text in replies(platform, bot)] for strategy, bot in bots.items()} == SEEN
    kept = list(platform.redis.scan_iter("flotilla:bot:*:fsm:*"))
    assert len(kept) == 3 + 2 + 2
    assert all(0 < platform.redis.ttl(key) <= 7200 for key in kept)


def test_a_tap_of_an_anonymous_administrator_belongs_to_its_group_alone() -> None:
    """Their messages say as which chat they write, taps do not."""

    def key(chat_id: int, acting_id: int) -> str:
        bot = SimpleNamespace(id=7, strategy=Strategy.GLOBAL_USER)
        lead = SimpleNamespace(telegram_id=5)
        told = SimpleNamespace(bot=bot, lead=lead, event=object(), chat_id=chat_id, former_chat_id=0)
        return conversation_key(cast(Context, SimpleNamespace(**vars(told), acting_id=acting_id)))

    assert key(-100, 5) == key(-200, 5)
    assert key(-100, ANONYMOUS_ADMIN) != key(-200, ANONYMOUS_ADMIN)


def test_the_owner_is_told_of_a_filled_in_form_once_however_often_its_update_is_read(
    platform: Platform,
) -> None:
    form: Plugins = (
        ("form", {"steps": [{"name": "city", "question": "?"}], "confirm": False, "notify_admins": True}),
    )
    bot = add_bot(platform, {"id": 7003, "username": "form_bot", "token": "7003:" + "A" * 35}, form)
    accept_all(platform, bot, [message(1, 5, "/form")])
    handle_all(platform)
    answer = QueuedUpdate("2-0", bot.id, "5", "request", json.dumps(message(2, 5, "Recife")))
    for _ in range(2):  # by a process that died before the acknowledgement, then by another
        UpdateProcessor(platform, PluginCache(platform), Contacts(platform)).handle(answer)
    with platform.database.reading() as session:
        [told] = session.scalars(select(Notification))
    assert (told.kind, told.level, told.bot_id) == ("form_answered", "info", bot.id)
    assert told.params["answers"] == "city: Recife"
