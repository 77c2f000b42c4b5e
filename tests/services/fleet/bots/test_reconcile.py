"""Bringing Telegram to the state in the database."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from models import Bot, Notification
from services.core.i18n import NO_TEXT
from services.core.settings import Settings
from services.fleet.bots import reconcile, webhook_sync
from services.fleet.bots.lifecycle import restart_bot, start_bot, stop_bot
from services.fleet.bots.reconcile import reconcile_bot, reconcile_bots
from services.fleet.bots.registry import delete_bot, get_bot, register_bot, update_bot
from services.fleet.bots.webhook_secret import webhook_secret
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.broken import answering, http
from tools.servers.sandbox import Sandbox

ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A test installation with a public address."""
    return settings.model_copy(update={"webhook_base_url": ADDRESS})


def register(platform: Platform, owner: Principal, sandbox: Sandbox, mode: str = "webhook") -> Bot:
    return register_bot(platform, owner, sandbox.create_bot()["token"], mode=mode)


def test_a_new_webhook_bot_gets_its_webhook_and_runs(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    reconcile_bot(platform, bot.id)
    assert sandbox.bot(bot.username)["webhook_url"].startswith(f"{ADDRESS}/webhook/{bot.path_id}/")
    assert get_bot(platform, owner, bot.id).status == "running"


def test_a_round_calls_telegram_only_for_bots_that_changed(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    for _ in range(3):
        register(platform, owner, sandbox)
    assert reconcile_bots(platform) == 3
    calls = sandbox.stats()["calls_total"]
    assert reconcile_bots(platform) == 0
    assert sandbox.stats()["calls_total"] == calls


def test_after_an_emptied_redis_everything_is_looked_at_and_nothing_is_set_again(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bots = [register(platform, owner, sandbox) for _ in range(3)]
    reconcile_bots(platform)
    platform.redis.flushall()
    assert reconcile_bots(platform) == 3
    assert sandbox.calls("setWebhook") == 3
    assert platform.redis.hgetall(keys.webhook_paths()) == {bot.path_id: str(bot.id) for bot in bots}


def test_pending_updates_are_dropped_at_the_first_registration_and_never_again(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    made, user = sandbox.create_bot(), sandbox.create_user()
    name = made["username"]
    sandbox.start(user["id"], name)
    bot = register_bot(platform, owner, made["token"])
    stop_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    assert sandbox.bot(name)["pending_update_count"] == 1  # never ran: nothing was dropped yet
    start_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    assert sandbox.bot(name)["pending_update_count"] == 0
    stop_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    sandbox.send(user["id"], name, "while it was stopped")
    for act in (start_bot, restart_bot):
        act(platform, owner, bot.id)
        reconcile_bot(platform, bot.id)
    assert sandbox.bot(name)["pending_update_count"] == 1


def test_a_polling_bot_that_is_new_loses_its_old_webhook_and_its_old_updates(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    made, user = sandbox.create_bot(), sandbox.create_user()
    platform.telegram.call(made["token"], "setWebhook", {"url": "http://127.0.0.1:1/old"})
    sandbox.start(user["id"], made["username"])
    bot = register_bot(platform, owner, made["token"], mode="polling")
    reconcile_bot(platform, bot.id)
    seen = sandbox.bot(made["username"])
    assert (seen["webhook_url"], seen["pending_update_count"]) == ("", 0)
    assert get_bot(platform, owner, bot.id).pending_dropped


def test_a_stopped_bot_loses_its_webhook_and_its_path(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    reconcile_bot(platform, bot.id)
    stop_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    assert sandbox.bot(bot.username)["webhook_url"] == ""
    assert get_bot(platform, owner, bot.id).status == "stopped"
    assert platform.redis.hgetall(keys.webhook_paths()) == {}


def test_a_bot_that_is_to_poll_loses_its_webhook_but_no_updates(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot, user = register(platform, owner, sandbox), sandbox.create_user()
    reconcile_bot(platform, bot.id)
    update_bot(platform, owner, bot.id, mode="polling")
    sandbox.start(user["id"], bot.username)
    reconcile_bot(platform, bot.id)
    assert sandbox.bot(bot.username)["webhook_url"] == ""
    assert sandbox.bot(bot.username)["pending_update_count"] == 1


def test_a_stopped_bot_may_be_used_elsewhere(platform: Platform, owner: Principal, sandbox: Sandbox) -> None:
    made = sandbox.create_bot()
    bot = register_bot(platform, owner, made["token"])
    reconcile_bot(platform, bot.id)
    stop_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    platform.telegram.call(made["token"], "setWebhook", {"url": "http://127.0.0.1:1/new-home"})
    platform.redis.delete(keys.reconciled())
    reconcile_bots(platform)
    assert sandbox.bot(bot.username)["webhook_url"] == "http://127.0.0.1:1/new-home"


def notifications(platform: Platform) -> list[Notification]:
    with platform.database.reading() as session:
        return list(session.scalars(select(Notification)))


def test_a_new_public_address_is_brought_to_telegram(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    reconcile_bots(platform)
    moved = Platform(platform.settings.model_copy(update={"webhook_base_url": "http://localhost:9999"}))
    reconcile_bots(moved)
    assert sandbox.bot(bot.username)["webhook_url"].startswith("http://localhost:9999/webhook/")


def test_webhooks_are_set_in_portions_a_minute(
    platform: Platform, owner: Principal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Platform(platform.settings.model_copy(update={"webhooks_per_minute": 2}))
    for _ in range(5):
        register(platform, owner, sandbox)
    now = 1_000_000 * 60
    monkeypatch.setattr(webhook_sync, "epoch_minute", lambda: now // 60)
    for wanted in (2, 4, 5):
        reconcile_bots(slow)
        reconcile_bots(slow)  # within the same minute: no more
        assert sandbox.calls("setWebhook") == wanted
        now += 60


def test_a_dead_token_fails_with_a_reason_and_recovers(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    reconcile_bot(platform, bot.id)
    sandbox.revoke(bot.username)
    reconcile_bot(platform, bot.id)
    failed = get_bot(platform, owner, bot.id)
    assert failed.status == "failed"
    assert "@BotFather" in str(failed.status_reason)
    reconcile_bot(platform, bot.id)
    assert [each.kind for each in notifications(platform)] == ["bot_failed"]
    sandbox.restore(bot.username)
    reconcile_bots(platform)
    healed = get_bot(platform, owner, bot.id)
    assert (healed.status, healed.status_reason) == ("running", NO_TEXT)


def test_a_bot_with_a_dead_token_can_be_stopped(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    sandbox.revoke(bot.username)
    reconcile_bot(platform, bot.id)
    stop_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    assert get_bot(platform, owner, bot.id).status == "stopped"


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 502}, {"kind": "429"}, {"kind": "reset"}])
def test_a_passing_trouble_keeps_the_status_and_is_tried_again(
    platform: Platform, owner: Principal, sandbox: Sandbox, fault: dict[str, object]
) -> None:
    bot = register(platform, owner, sandbox)
    reconcile_bots(platform)
    restart_bot(platform, owner, bot.id)
    sandbox.fault(**fault)  # type: ignore[arg-type]
    reconcile_bots(platform)
    troubled = get_bot(platform, owner, bot.id)
    assert troubled.status == "running"
    assert "again" in str(troubled.status_reason)
    sandbox.clear_faults()
    reconcile_bots(platform)
    assert get_bot(platform, owner, bot.id).status_reason == NO_TEXT


def test_a_webhook_bot_without_a_public_address_says_what_to_do(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    homeless = Platform(platform.settings.model_copy(update={"webhook_base_url": ""}))
    reconcile_bot(homeless, bot.id)
    failed = get_bot(platform, owner, bot.id)
    assert failed.status == "failed"
    assert "WEBHOOK_BASE_URL" in str(failed.status_reason)


def test_the_newer_wish_wins_over_a_slow_look(platform: Platform, owner: Principal, sandbox: Sandbox) -> None:
    bot = register(platform, owner, sandbox)
    sandbox.fault("delay", seconds=0.5, method="getWebhookInfo", count=1)
    slow = threading.Thread(target=reconcile_bot, args=(platform, bot.id))
    slow.start()
    while not platform.redis.exists(keys.lease(f"bots:reconcile:{bot.id}")):
        pass
    stop_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    slow.join()
    assert sandbox.bot(bot.username)["webhook_url"] == ""
    assert get_bot(platform, owner, bot.id).status == "stopped"


def test_a_second_round_at_the_same_time_does_nothing(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    register(platform, owner, sandbox)
    platform.redis.set(keys.lease(reconcile.LEASE), "somebody", px=5000)
    assert reconcile_bots(platform) == 0
    assert sandbox.calls("getWebhookInfo") == 0


def test_deleted_and_unknown_bots_are_nothing_to_do(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    reconcile_bot(platform, bot.id)
    delete_bot(platform, owner, bot.id)
    reconcile_bot(platform, bot.id)
    assert sandbox.bot(bot.username)["webhook_url"] == ""
    assert reconcile_bots(platform) == 0


def test_a_server_that_is_no_bot_api_fails_nothing(
    platform: Platform, owner: Principal, sandbox: Sandbox
) -> None:
    bot = register(platform, owner, sandbox)
    reconcile_bot(platform, bot.id)
    with answering(http(b"<html></html>")) as url:
        foreign = Platform(platform.settings.model_copy(update={"telegram_api_url": url}))
        reconcile_bot(foreign, bot.id)
    seen = get_bot(platform, owner, bot.id)
    assert seen.status == "running"
    assert "TELEGRAM_API_URL" in str(seen.status_reason)


def test_the_secret_that_telegram_sends_back_is_the_derived_one(
    platform: Platform, owner: Principal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, object]] = []
    original = platform.telegram.call

    def spy(token: str, method: str, params: dict[str, object] | None = None, **rest: float) -> object:
        calls.append({"method": method, **(params or {})})
        return original(token, method, params, **rest)  # type: ignore[arg-type]

    bot = register(platform, owner, sandbox)
    monkeypatch.setattr(platform.telegram, "call", spy)
    reconcile_bot(platform, bot.id)
    sent = calls[-1]
    assert sent["method"] == "setWebhook"
    assert sent["secret_token"] == webhook_secret(platform.vault, bot.path_id)
    assert (sent["max_connections"], sent["drop_pending_updates"]) == (40, True)
