"""Which bots a process polls, and when it begins anew with one."""

from __future__ import annotations

import pytest
from sqlalchemy import update as sql_update

from models import Bot
from services.fleet.bots.cleanup import forget_former
from services.fleet.bots.lifecycle import stop_bot
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import register_bot, set_plugins
from services.messaging.polling import polling
from services.messaging.polling.poller import Poller
from services.messaging.polling.polling import bots_to_poll
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.messaging.polling.test_polling import texts
from tools.servers.sandbox import Sandbox, wait_until


def test_only_running_polling_bots_whose_old_updates_are_gone_are_polled(
    platform: Platform, owner: Principal, sandbox: Sandbox, bot: Bot
) -> None:
    register_bot(platform, owner, sandbox.create_bot()["token"])  # not reconciled yet
    stopped = register_bot(platform, owner, sandbox.create_bot()["token"])
    reconcile_bot(platform, stopped.id)
    stop_bot(platform, owner, stopped.id)
    assert [one.id for one in bots_to_poll(platform)] == [bot.id]


def test_a_poller_follows_the_database(
    platform: Platform, owner: Principal, sandbox: Sandbox, bot: Bot, user: int
) -> None:
    poller = Poller(platform)
    poller.refresh()
    before = poller._running[bot.id].poll
    set_plugins(platform, owner, bot.id, [])
    poller.refresh()
    assert before.stopped.is_set()
    sandbox.start(user, bot.username)
    wait_until(lambda: texts(platform) == ["/start"])
    stop_bot(platform, owner, bot.id)
    poller.refresh()
    assert poller.bot_ids == set()
    poller.stop()


def test_kinds_that_plugins_want_since_they_were_loaded_anew_are_asked_for(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller = Poller(platform)
    poller.refresh()
    before = poller._running[bot.id].poll
    poller.refresh()
    assert poller._running[bot.id].poll is before
    wanted = (*before.allowed_updates, "message_reaction")
    monkeypatch.setattr(polling, "allowed_updates_of", lambda _bot: wanted)
    poller.refresh()
    assert before.stopped.is_set()
    assert poller._running[bot.id].poll.allowed_updates == wanted
    poller.stop()


def test_another_identity_is_not_polled_before_what_redis_keeps_of_the_former_is_gone(
    platform: Platform, bot: Bot
) -> None:
    with platform.database.transaction() as session:
        session.execute(sql_update(Bot).values(identity=2))
    assert bots_to_poll(platform) == []
    forget_former(platform, get_bot_row(platform, bot))
    assert [each.id for each in bots_to_poll(platform)] == [bot.id]


def get_bot_row(platform: Platform, bot: Bot) -> Bot:
    with platform.database.reading() as session:
        return session.get_one(Bot, bot.id)
