"""setWebhook of a bot's own program, as its library calls it: what is taken, what is refused, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models import AuditEvent, Bot, BotWorker
from services.core.settings import Settings
from services.core.worker_settings import WorkerSettings
from services.fleet.bots.webhooks import allowed_updates_of
from services.fleet.workers.registry import NewWorker, give_worker, renew_token
from services.messaging.workers.webhooks.delivery import webhooks
from services.messaging.workers.webhooks.trouble import note_trouble
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.queueing.heartbeats import beat
from tests.services.messaging.draining import handle_all
from tools.servers.fleet import accept_all, message

HOOK = "http://127.0.0.1:9/hook-of-mine"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    inside = WorkerSettings(worker_webhook_networks="10.20.0.0/16,127.0.0.0/8").worker_webhook_networks
    return settings.model_copy(
        update={
            "user_rate_per_minute": 0.0,
            "worker_webhook_networks": inside,
            "public_url": "https://127.0.0.1:7443",
        }
    )


@pytest.fixture
def owner(bot: Bot) -> Principal:
    return Principal(bot.account_id, f"account:{bot.account_id}")


@pytest.fixture
def base(platform: Platform, bot: Bot, owner: Principal) -> str:
    return f"/botapi/bot{give_worker(platform, owner, bot.id, NewWorker())[2]}"


def info_of(client: FlaskClient, base: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"{base}/getWebhookInfo").json or {}
    return dict(answer["result"])


def test_an_address_that_is_ours_or_inside_is_refused_and_so_is_what_is_not_kept(
    client: FlaskClient, base: str, settings: Settings
) -> None:
    for url in (
        "https://127.0.0.1:7443/webhook/x",  # PUBLIC_URL: updates would go in a circle
        f"http://127.0.0.1:{settings.port}/",
        f"http://localhost:{settings.port}/webhook/x",
        "http://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://10.0.0.1/",
        "http://10.21.0.1/",
        "https://192.168.1.1/",
        "https://[::ffff:10.0.0.1]/",
        "http://8.8.8.8/",  # plain http to the world
        "https://me:password@8.8.8.8/",
        "ftp://8.8.8.8/",
        "javascript:alert(1)",
        "https://there.is.no.such.invalid/",
        "https://" + "a" * 3000,
    ):
        answer = client.post(f"{base}/setWebhook", json={"url": url})
        said = answer.json or {}
        assert (answer.status_code, said["ok"]) == (400, False), url
        assert said["description"].startswith("Bad Request: bad webhook: "), url
    for more in (
        {"secret_token": "no spaces"},
        {"secret_token": "x" * 257},
        {"certificate": "-----BEGIN"},
        {"ip_address": "127.0.0.1"},
    ):
        assert client.post(f"{base}/setWebhook", json={"url": HOOK, **more}).status_code == 400, more
    assert info_of(client, base)["url"] == ""
    for url in ("http://10.20.3.4/hook", "https://10.20.3.4:8443/hook"):  # the admin's networks
        assert client.post(f"{base}/setWebhook", data={"url": url}).status_code == 200, url
        assert info_of(client, base)["url"] == url


def test_a_webhook_is_kept_sealed_shown_to_its_program_and_in_the_way_of_get_updates(
    client: FlaskClient, base: str, platform: Platform, bot: Bot, owner: Principal, key: dict[str, str]
) -> None:
    wanted = {
        "url": HOOK,
        "secret_token": "S-1",
        "max_connections": "7",
        "allowed_updates": '["message", "inline_query", "of_next_year"]',
    }
    for description in ("Webhook was set", "Webhook is already set"):
        answer = client.post(f"{base}/setWebhook", data=wanted).json or {}
        assert (answer["result"], answer["description"]) == (True, description)
    refused = client.post(f"{base}/getUpdates", data={"timeout": 5})
    assert (refused.status_code, "webhook is active" in (refused.json or {})["description"]) == (409, True)
    shown = info_of(client, base)
    assert (shown["url"], shown["max_connections"]) == (HOOK, 7)
    assert shown["allowed_updates"] == ["inline_query", "message"]
    assert "No process `programs` runs here" in shown["last_error_message"]
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).status = "running"
    worker = client.get(f"/bots/{bot.public_id}", headers=key).json or {}
    assert "`programs`" in worker["status_reason"]
    beat(platform, "programs@here:1")
    assert "last_error_message" not in info_of(client, base)
    note_trouble(platform.redis, bot.id, "Connection refused")
    assert info_of(client, base)["last_error_message"] == "Connection refused"
    with platform.database.reading() as session:
        assert "inline_query" in allowed_updates_of(
            session.get_one(Bot, bot.id)
        )  # Telegram is asked for it too
        row = session.get_one(BotWorker, bot.id)
        told = [(each.kind, each.actor) for each in session.scalars(select(AuditEvent))]
    assert "hook-of-mine" not in f"{vars(row)}"
    assert ("worker_webhook_set", f"worker:{bot.id}") in told
    ((_, webhook),) = webhooks(platform).values()
    assert (webhook.secret, "S-1" in repr(webhook), "hook-of-mine" in repr(webhook)) == ("S-1", False, False)
    renew_token(platform, owner, bot.id)  # whoever had the former token may have set it
    assert webhooks(platform) == {}


def test_delete_webhook_and_set_webhook_drop_what_waits_when_they_are_asked_to(
    client: FlaskClient, base: str, platform: Platform, bot: Bot
) -> None:
    def fill() -> None:
        accept_all(platform, bot, [message(number, 500 + number % 2, "hi") for number in next(numbers)])
        handle_all(platform)

    numbers = iter((range(1, 5), range(5, 9), range(9, 11)))
    fill()
    assert client.post(f"{base}/setWebhook", json={"url": HOOK}).status_code == 200
    assert info_of(client, base)["pending_update_count"] == 4
    client.post(f"{base}/setWebhook", json={"url": HOOK, "drop_pending_updates": True})
    assert info_of(client, base)["pending_update_count"] == 0
    fill()
    assert info_of(client, base)["pending_update_count"] == 4
    client.post(f"{base}/deleteWebhook", data={"drop_pending_updates": "true"})
    assert (info_of(client, base)["url"], info_of(client, base)["pending_update_count"]) == ("", 0)
    fill()  # chats go on
    given = client.post(f"{base}/getUpdates", data={"timeout": 0}).json or {}
    assert len(given["result"]) == 2
