"""Somebody else at a bot's webhook: one repair, then an alarm and no war; wrong secrets are told once per incident."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from models import AuditEvent, Bot, Notification
from services.core.settings import Settings
from services.fleet.bots import reconcile
from services.fleet.bots.lifecycle import restart_bot
from services.fleet.bots.reconcile import reconcile_bot, reconcile_bots
from services.fleet.bots.registry import get_bot, register_bot
from services.fleet.bots.webhook_guard import CallPace
from services.fleet.bots.webhook_secret import webhook_secret
from services.messaging.updates.webhook_auth import WebhookAuth
from services.messaging.updates.webhook_refusals import BURST
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.sandbox import Sandbox

THIEF = "http://127.0.0.1:1/thief"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A test installation with a public address."""
    return settings.model_copy(update={"webhook_base_url": "http://127.0.0.1:8000"})


def register(platform: Platform, owner: Principal, sandbox: Sandbox, mode: str = "webhook") -> Bot:
    bot = register_bot(platform, owner, sandbox.create_bot()["token"], mode=mode)
    reconcile_bots(platform)
    return bot


def steal(platform: Platform, bot: Bot) -> None:
    """Somebody's program sets its own webhook, and the guard looks."""
    token = platform.vault.unseal(bot.sealed_token, owner=f"bot:{bot.id}")
    platform.telegram.call(token, "setWebhook", {"url": THIEF})
    reconcile_bots(platform, look_again=-1)


def told(platform: Platform) -> list[str]:
    with platform.database.reading() as session:
        return list(session.scalars(select(Notification.kind).order_by(Notification.id)))


def events(platform: Platform) -> list[str]:
    """What the guard wrote into the bots' events."""
    query = select(AuditEvent.kind).where(AuditEvent.actor == "system:guard").order_by(AuditEvent.id)
    with platform.database.reading() as session:
        return list(session.scalars(query))


@pytest.mark.parametrize("mode", ["webhook", "polling"])
def test_a_theft_is_repaired_once_and_the_second_one_told_and_left_until_an_hour_or_the_owner(
    platform: Platform, owner: Principal, sandbox: Sandbox, mode: str
) -> None:
    bot = register(platform, owner, sandbox, mode)
    ours = sandbox.bot(bot.username)["webhook_url"]
    steal(platform, bot)
    assert (sandbox.bot(bot.username)["webhook_url"], told(platform)) == (ours, [])
    set_before = sandbox.calls("setWebhook")
    for _ in range(3):
        reconcile_bots(platform, look_again=-1)
        steal(platform, bot)
    assert sandbox.bot(bot.username)["webhook_url"] == THIEF
    assert sandbox.calls("setWebhook") == set_before + 3  # the thief's own
    assert (told(platform), events(platform)) == (["webhook_stolen"], ["webhook_repaired", "webhook_taken"])
    seen = get_bot(platform, owner, bot.id)
    assert seen.webhook_info["taken_by"] == "127.0.0.1"
    assert mode == "polling" or "127.0.0.1" in str(seen.status_reason)
    name = keys.webhook_repairs(bot.id)
    platform.redis.hset(name, "at", float(platform.redis.hget(name, "at") or 0) - 3600)
    reconcile_bots(platform, look_again=-1)
    assert sandbox.bot(bot.username)["webhook_url"] == ours
    steal(platform, bot)
    assert sandbox.bot(bot.username)["webhook_url"] == THIEF
    restart_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    assert sandbox.bot(bot.username)["webhook_url"] == ours
    reconcile_bot(platform, bot.id)
    seen = get_bot(platform, owner, bot.id)
    assert (str(seen.status_reason), seen.webhook_info["taken_by"]) == ("", "")
    assert events(platform)[2:] == ["webhook_repaired", "webhook_taken", "webhook_repaired"]


def test_a_burst_of_wrong_secrets_has_the_bot_looked_at_and_its_owner_told_once_per_incident(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    for burst in range(3):
        door = WebhookAuth(platform)  # a process each
        for call in range(BURST):
            assert not platform.redis.hexists(keys.webhook_repairs(bot.id), "refused"), call
            assert door.bot_behind(bot.path_id, "wrong") is None
            assert door.bot_behind("nobodys" + "0" * 25, "wrong") is None
        looks = sandbox.calls("getWebhookInfo")
        reconcile_bot(platform, bot.id)
        assert sandbox.calls("getWebhookInfo") == looks + 1
        assert events(platform) == ["webhook_refused"] * (2 if burst == 2 else 1)
        assert told(platform) == ["webhook_refused"]  # the same minute has one notification
        name = keys.webhook_repairs(bot.id)
        if burst == 1:  # an hour of quiet
            platform.redis.hset(
                name, "refused_told", float(platform.redis.hget(name, "refused_told") or 0) - 3600
            )
    right = webhook_secret(platform.vault, bot.path_id)
    assert WebhookAuth(platform).bot_behind(bot.path_id, right) == bot.id


def test_a_thousand_looks_leave_evenly_and_no_second_has_more_than_five() -> None:
    now, lock, left = [0.0], threading.Lock(), list[float]()

    def sleep(seconds: float) -> None:
        with lock:
            left.append(seconds)  # the clock stands still: what they would wait is when they leave

    pace = CallPace(clock=lambda: now[0], sleep=sleep)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: pace.wait(), range(1000)))
    moments = sorted(left)
    assert moments[-1] == pytest.approx(999 / 5)
    assert min(later - sooner for sooner, later in zip(moments, moments[5:], strict=False)) >= 0.999


def test_a_round_paces_looks_and_repairs_but_not_what_the_owner_changed(
    platform: Platform, owner: Principal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []

    class Pace(CallPace):
        def wait(self) -> None:
            waits.append(1)

    monkeypatch.setattr(reconcile, "CallPace", Pace)
    bots = [register(platform, owner, sandbox) for _ in range(3)]
    assert waits == []
    reconcile_bots(platform, look_again=-1)
    assert len(waits) == 3
    steal(platform, bots[0])
    assert len(waits) == 7
    restart_bot(platform, owner, bots[1].id)
    reconcile_bots(platform)
    assert len(waits) == 7
