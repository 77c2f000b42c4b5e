"""The installation's switches on the road of updates: limits, cooldown, maintenance, allow-list, captcha."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from redis.connection import Connection
from sqlalchemy import event

from models import Bot
from services.core.rate_limits import RateLimit
from services.core.settings import Settings
from services.fleet.bots.access import AccessChange, set_access
from services.fleet.bots.access_rules import AccessEntry
from services.messaging.limits.guard import Guard
from services.messaging.limits.switched import access_now
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName
from tests.services.messaging.draining import consumers
from tests.services.messaging.limits.test_road import COOLING, LIMITED, handle, menu, tap, texts
from tests.services.switching import end_in, switch_on
from tools.servers.fleet import Plugins, add_bot, message

BOT: Plugins = (("start", {"welcome_message": "Olá, {first_name}"}), ("shop", {}))
ANA, RUI, OPERATOR = 1, 2, 900
NOT_ALLOWED = "🔒 Este bot responde apenas"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Four starts a minute, a cooldown of nothing."""
    return settings.model_copy(
        update={"rate_limits_json": {"cmd:/start": RateLimit(limit=4, window=60)}, "cooldown_seconds": 0.0}
    )


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot whose replies stay in its outbox, because nobody sends."""
    return add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35}, BOT)


@pytest.fixture
def inbound(platform: Platform) -> UpdateConsumers:
    """The update side of one worker process."""
    return consumers(platform)


def test_limits_are_halved_and_whole_again_when_the_time_is_over(
    platform: Platform, bot: Bot, inbound: UpdateConsumers
) -> None:
    switch_on(platform, SwitchName.LIMITS)
    said = texts(handle(platform, inbound, bot, *(message(number, ANA, "/start") for number in range(1, 4))))
    assert said[:2] == ["Olá, Ana"] * 2
    assert said[2].startswith(LIMITED)
    end_in(platform, SwitchName.LIMITS, -1)
    said = texts(
        handle(platform, inbound, bot, *(message(number, RUI, "/start") for number in range(11, 15)))
    )
    assert len(said) == 4
    assert not any(text.startswith(LIMITED) for text in said)


def test_the_cooldown_is_at_least_what_the_switch_says(
    platform: Platform, bot: Bot, inbound: UpdateConsumers
) -> None:
    button = menu(platform, inbound, bot, ANA, 1)[0]
    assert COOLING not in texts(handle(platform, inbound, bot, tap(2, ANA, button), tap(3, ANA, button)))
    switch_on(platform, SwitchName.COOLDOWN, 10)
    answers = texts(handle(platform, inbound, bot, tap(4, ANA, button), tap(5, ANA, button)))
    assert answers.count(COOLING) == 1


def test_in_maintenance_of_all_bots_their_admins_alone_are_served(
    platform: Platform, bot: Bot, inbound: UpdateConsumers
) -> None:
    set_access(
        platform,
        Principal(bot.account_id, "account:1"),
        bot.id,
        AccessChange(admins=[AccessEntry(OPERATOR)], maintenance_message="Já voltamos"),
    )
    switch_on(platform, SwitchName.MAINTENANCE)
    inbound.plugins.forget(bot.id)
    assert texts(handle(platform, inbound, bot, message(1, ANA, "/start"))) == ["Já voltamos"]
    assert texts(handle(platform, inbound, bot, message(2, OPERATOR, "/start"))) == ["Olá, Ana"]
    switch_on(platform, SwitchName.MAINTENANCE, "Ataque. Volte às 15 h.")
    assert texts(handle(platform, inbound, bot, message(3, RUI, "/start"))) == ["Ataque. Volte às 15 h."]
    end_in(platform, SwitchName.MAINTENANCE, -1)
    assert texts(handle(platform, inbound, bot, message(4, ANA, "/start"))) == ["Olá, Ana"]


def test_with_the_allow_list_only_these_people_are_answered(
    platform: Platform, bot: Bot, inbound: UpdateConsumers
) -> None:
    switch_on(platform, SwitchName.ALLOW_LIST, [RUI])
    said = texts(handle(platform, inbound, bot, message(1, ANA, "/start"), message(2, RUI, "/start")))
    assert sorted(said)[0] == "Olá, Ana"  # everybody here is called so
    assert sorted(said)[1].startswith(NOT_ALLOWED)


def test_the_captcha_is_asked_at_every_bot(platform: Platform, bot: Bot, inbound: UpdateConsumers) -> None:
    switch_on(platform, SwitchName.CAPTCHA)
    (asked,) = handle(platform, inbound, bot, message(1, ANA, "/start"))
    assert len(asked["params"]["reply_markup"]["inline_keyboard"]) == 2
    end_in(platform, SwitchName.CAPTCHA, -1)
    assert texts(handle(platform, inbound, bot, message(2, ANA, "/start"))) == ["Olá, Ana"]


def test_the_manager_bot_stays_open(platform: Platform, inbound: UpdateConsumers) -> None:
    manager = add_bot(
        platform, {"id": 7002, "username": "m_bot", "token": "7002:" + "A" * 35}, (("manager", {}),)
    )
    switch_on(platform, SwitchName.MAINTENANCE)
    behaviour = inbound.plugins.get(manager.id)
    assert behaviour is not None
    assert access_now(behaviour, platform.switches) is behaviour.access


def test_switches_cost_no_question_more_than_none_at_all(
    platform: Platform, bot: Bot, inbound: UpdateConsumers, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour = inbound.plugins.get(bot.id)
    assert behaviour is not None
    asked: list[str] = []
    send = Connection.send_packed_command

    def noting(self: Connection, *arguments: Any, **options: Any) -> None:
        asked.append("redis")
        send(self, *arguments, **options)  # type: ignore[no-untyped-call]

    guard = Guard(platform)
    monkeypatch.setattr(Connection, "send_packed_command", noting)

    def noting_statement(*_: Any) -> None:
        asked.append("database")

    event.listen(platform.database.engine, "before_cursor_execute", noting_statement)

    def cost(update_id: int) -> list[str]:
        asked.clear()
        written = message(update_id, RUI, "/start")
        queued = QueuedUpdate(f"{int(time.time() * 1000)}-0", bot.id, "1", "r", json.dumps(written))
        assert guard.judge_all([(queued, behaviour)])[0] is not None
        return list(asked)

    cost(30)  # which loads the script
    assert cost(31) == ["redis"]
    for name, value in ((SwitchName.LIMITS, 0.5), (SwitchName.COOLDOWN, 10), (SwitchName.ALLOW_LIST, [RUI])):
        switch_on(platform, name, value)
    assert cost(32) == ["redis"]
