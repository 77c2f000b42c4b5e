"""A bot is brought to what a document says, all of it, and says the same afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import Account, Bot
from services.core.errors import InvalidInput
from services.fleet.configuration.document import BotConfiguration, configuration_of
from services.fleet.configuration.writing import Change, changes, checked, write_configuration
from services.platform.platform import Platform

FULL: dict[str, Any] = {
    "name": "Support",
    "description": "answers",
    "enabled": False,
    "mode": "polling",
    "webhook": {"path": "/support", "max_connections": 7},
    "settings": {"parse_mode": "MarkdownV2", "disable_web_page_preview": True},
    "plugins": [
        {"name": "help", "config": {"header": "Commands"}},
        {"name": "start", "enabled": False, "config": {"welcome_message": "Hello"}},
    ],
    "access": {
        "blocked_users": [7, {"user": 8, "until": "2099-01-01T00:00:00Z", "note": "spam"}],
        "admin_users": [123456789],
        "maintenance": True,
        "maintenance_message": "soon",
        "captcha": True,
    },
    "rate_limiting": {"enabled": False, "default_rate": 12.5, "burst_size": 3},
    "fsm_strategy": "CHAT",
}


def a_bot(platform: Platform) -> int:
    with platform.database.transaction() as session:
        account = Account(email="ana@example.com", password_hash="-")
        session.add(account)
        session.flush()
        facts = {"public_id": "bot_000000000007", "telegram_bot_id": 7, "username": "loja_bot"}
        bot = Bot(account_id=account.id, sealed_token="-", mode="polling", path_id="7" * 32, **facts)
        session.add(bot)
    return bot.id


def written(platform: Platform, bot_id: int, document: BotConfiguration) -> None:
    with platform.database.transaction() as session:
        query = select(Bot).where(Bot.id == bot_id).options(selectinload(Bot.plugins))
        write_configuration(platform, session, session.scalars(query).one(), document)


def read(platform: Platform, bot_id: int) -> BotConfiguration:
    with platform.database.reading() as session:
        return configuration_of(session, session.scalars(select(Bot).where(Bot.id == bot_id)).one())


@pytest.mark.data
def test_every_field_of_a_document_is_written_and_read_back_and_differences_have_paths(
    platform: Platform,
) -> None:
    bot_id = a_bot(platform)
    document = checked(BotConfiguration.model_validate(FULL))
    written(platform, bot_id, document)
    written(platform, bot_id, document)  # a second time changes nothing
    assert read(platform, bot_id) == document
    assert changes(read(platform, bot_id), document) == []
    other = {
        **FULL,
        "plugins": [
            {"name": "start", "enabled": False, "config": {"welcome_message": "Hi"}},
            {"name": "help", "config": {"header": "Commands"}},
            {"name": "echo"},
        ],
        "access": {**FULL["access"], "blocked_users": [{"user": 8, "note": "spam"}]},
        "fsm_strategy": "GLOBAL_USER",
    }
    difference = changes(document, checked(BotConfiguration.model_validate(other)))
    assert Change("plugins.start.config.welcome_message", "Hello", "Hi") in difference
    assert Change("plugins", ["help", "start"], ["start", "help", "echo"]) in difference
    assert Change("fsm_strategy", "CHAT", "GLOBAL_USER") in difference
    assert Change("access.blocked_users.7", {"until": None, "note": ""}, None) in difference
    assert {one.path for one in difference if one.old is None} == {"plugins.echo"}
    assert Change("access.blocked_users.8.until", "2099-01-01T00:00:00+00:00", None) in difference
    assert len(difference) == 6


def test_a_document_that_cannot_be_written_leaves_the_bot_as_it_was(platform: Platform) -> None:
    bot_id = a_bot(platform)
    before = read(platform, bot_id)
    for wrong, code in (
        ({"plugins": [{"name": "starrt"}]}, "unknown_plugin"),
        ({"plugins": [{"name": "start"}, {"name": "start"}]}, "plugin_repeated"),
        ({"mode": "webhook"}, "webhook_unavailable"),
        ({"access": {"allowed_users": [5, 5]}}, "access_twice"),
    ):
        with pytest.raises(InvalidInput) as refused:
            written(platform, bot_id, BotConfiguration.model_validate({**FULL, **wrong}))
        assert refused.value.code == code
        assert read(platform, bot_id) == before
