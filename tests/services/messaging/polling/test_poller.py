"""Which bots a process polls, and when it begins anew with one."""

from __future__ import annotations

import pytest
from sqlalchemy import update as sql_update

from models import Bot, BotStatus
from services.core.errors import Unavailable
from services.fleet.bots.cleanup import forget_former
from services.fleet.bots.lifecycle import stop_bot
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import get_bot, register_bot, set_plugins
from services.messaging.polling import polling
from services.messaging.polling.poller import Poller
from services.messaging.polling.polling import bots_to_poll
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis.jobs import JobQueue, waiting_jobs
from tests.services.messaging.polling.test_polling import poll, texts
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


def test_a_bot_whose_lane_is_full_is_running_all_the_same(
    platform: Platform, bot: Bot, owner: Principal, sandbox: Sandbox, user: int
) -> None:
    tight = Platform(platform.settings.model_copy(update={"intake_max_backlog": 2}))
    for text in "abc":
        sandbox.send(user, bot.username, text)
    ready = poll(platform, bot.id, tight)
    with pytest.raises(Unavailable) as caught:
        ready.once(0)
    assert get_bot(platform, owner, bot.id).status != BotStatus.RUNNING
    assert ready._after(caught.value) == caught.value.retry_after
    assert get_bot(platform, owner, bot.id).status == BotStatus.RUNNING


def test_another_identity_is_not_polled_before_what_redis_keeps_of_the_former_is_gone(
    platform: Platform, bot: Bot
) -> None:
    with platform.database.transaction() as session:
        session.execute(sql_update(Bot).values(identity=2))
    poller = Poller(platform)
    poller.refresh()
    assert poller.bot_ids == set()
    assert waiting_jobs(platform.redis, JobQueue.DEFAULT) == 1, "the reconciler is to do it"
    forget_former(platform, get_bot_row(platform, bot))
    poller.refresh()
    assert poller.bot_ids == {bot.id}
    poller.stop()


def get_bot_row(platform: Platform, bot: Bot) -> Bot:
    with platform.database.reading() as session:
        return session.get_one(Bot, bot.id)
