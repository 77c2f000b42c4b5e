"""A managed bot's token ended in one step, whatever dies in between and whoever else is at it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models import ManagedBot
from services.core.errors import Conflict, FlotillaError, NotFound, Uncertain
from services.core.times import utc_now
from services.fleet.bots.reconcile import reconcile_bot
from services.fleet.bots.registry import register_bot
from services.operations.managed import rotation
from services.operations.managed.rotation import rotatable, rotate_token
from services.operations.managed.round import keep_managed_bots
from services.platform.accounts.accounts import command_principal
from services.platform.platform import Platform
from tests.blueprints.people import make_account
from tests.services.operations.managed.making import Managing, managing
from tests.services.operations.manager.test_road import in_database, in_redis
from tools.servers.sandbox import Sandbox


class _Died(BaseException):
    """The end of a process in the middle."""


def _a_minute_later(house: Managing) -> None:
    with house.platform.database.transaction() as session:
        asked = update(ManagedBot).where(ManagedBot.rotating_at.is_not(None))
        session.execute(asked.values(rotating_at=utc_now() - timedelta(minutes=2)))


def test_a_token_is_ended_at_once_and_the_bot_goes_on(
    platform: Platform, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    account = make_account(platform, "boss@example.com", admin=True)
    caller, other = command_principal(account), make_account(platform, "other@example.com")
    house = managing(platform, sandbox)
    house.link(account)
    made = house.make("red_bot")
    house.take(made)
    before = house.bot("red_bot")
    assert before is not None
    leaked = sandbox.bot("red_bot")["token"]
    with pytest.raises(NotFound):
        rotate_token(house.platform, command_principal(other), before.id)
    bot = rotate_token(house.platform, caller, before.id)
    new = sandbox.bot("red_bot")["token"]
    assert leaked != new
    assert house.has_its_token("red_bot")
    assert (bot.path_id, bot.telegram_bot_id, house.row("red_bot").rotating_at) == (
        before.path_id,
        before.telegram_bot_id,
        None,
    )
    assert house.take(made) is None, "Telegram's own update about it brings nothing new"
    reconcile_bot(house.platform, bot.id)
    with ThreadPoolExecutor(3) as threads:  # three at once end in the newest
        list(threads.map(lambda _: rotate_token(house.platform, caller, bot.id), range(3)))
    assert house.has_its_token("red_bot")
    written = "\n".join([*in_redis(house.platform), *in_database(house.platform), caplog.text])
    assert "red_bot" in written
    for token in (leaked, new, sandbox.bot("red_bot")["token"]):
        assert token.partition(":")[2] not in written


@pytest.mark.parametrize("step", ["replaced_token", "_store"])
def test_a_process_that_dies_between_the_call_and_the_store_is_made_good_by_the_next_round(
    platform: Platform, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    house = managing(platform, sandbox)
    house.link(account)
    house.take(house.make("red_bot"))
    bot = house.bot("red_bot")
    assert bot is not None
    work = getattr(rotation, step)

    def died(*args: Any, **kwargs: Any) -> Any:
        if step == "replaced_token":
            work(*args, **kwargs)
        raise _Died

    with monkeypatch.context() as patch:
        patch.setattr(rotation, step, died)
        with pytest.raises(_Died):
            rotate_token(house.platform, command_principal(account), bot.id)
    assert not house.has_its_token("red_bot")
    keep_managed_bots(house.platform)
    assert not house.has_its_token("red_bot"), "it may be at work still"
    _a_minute_later(house)
    keep_managed_bots(house.platform)
    assert house.has_its_token("red_bot")
    assert house.row("red_bot").rotating_at is None


def test_what_is_refused_changes_nothing_and_what_is_uncertain_is_looked_after(
    platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform, "boss@example.com", admin=True)
    caller = command_principal(account)
    house = managing(platform, sandbox)
    house.link(account)
    house.take(house.make("red_bot"))
    bot = house.bot("red_bot")
    assert bot is not None
    plain = register_bot(house.platform, caller, sandbox.create_bot(username="plain_bot")["token"])
    assert rotatable(house.platform, [bot, plain, house.manager_row()]) == [bot]

    def refused(bot_id: int) -> FlotillaError:
        with pytest.raises(FlotillaError) as caught:
            rotate_token(house.platform, caller, bot_id)
        return caught.value

    assert isinstance(refused(plain.id), Conflict)
    assert refused(house.manager_row().id).code == "not_managed"
    sandbox.post("/bots/boss_bot/unmanage")
    assert refused(bot.id).code == "not_managed"
    sandbox.post("/bots/boss_bot/manage")
    sandbox.revoke("boss_bot")
    assert refused(bot.id).code == "manager_token_rejected"
    sandbox.restore("boss_bot")
    assert house.row("red_bot").rotating_at is None
    assert house.has_its_token("red_bot")
    sandbox.fault("garbage", method="replaceManagedBotToken", count=1)
    assert isinstance(refused(bot.id), Uncertain)
    sandbox.rotate("red_bot")  # it had been done
    _a_minute_later(house)
    keep_managed_bots(house.platform)
    assert house.has_its_token("red_bot")
