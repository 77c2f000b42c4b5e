"""A worker whose program reads Kafka, as its owner registers it, and an installation without a Kafka."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from models import Account, Bot, BotStatus, BotWorker
from services.core.environment import load_settings
from services.core.errors import ConfigurationError
from services.core.kafka_settings import Transport
from services.core.settings import Settings
from services.fleet.workers import transports
from services.fleet.workers.programs import environment_of
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.blueprints.people import make_key
from tools.servers.fleet import add_bot

BROKERS = "kafka-1:9092,kafka-2:9092"
KEYS = {"SECRET_KEY": "k", "ENCRYPTION_KEYS": "k"}


@pytest.fixture(params=["", BROKERS])
def brokers(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(settings: Settings, brokers: str) -> Settings:
    return settings.model_copy(update={"kafka_brokers": brokers})


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "worker_bot", "token": "7001:" + "A" * 35})


@pytest.fixture
def key(platform: Platform, bot: Bot) -> dict[str, str]:
    with platform.database.reading() as session:
        return make_key(platform, session.get_one(Account, bot.account_id))


@pytest.mark.parametrize("brokers", [""], indirect=True)
def test_where_there_is_no_kafka_it_is_refused_and_nothing_is_made(
    client: FlaskClient, bot: Bot, key: dict[str, str]
) -> None:
    refused = client.post(f"/api/v1/bots/{bot.id}/worker", json={"transport": "kafka"}, headers=key)
    assert (refused.status_code, (refused.json or {})["code"]) == (422, "kafka_not_configured")
    unknown = client.post(f"/api/v1/bots/{bot.id}/worker", json={"transport": "pigeons"}, headers=key)
    assert unknown.status_code == 422
    assert client.get(f"/api/v1/bots/{bot.id}/worker", headers=key).status_code == 404
    assert client.post(f"/api/v1/bots/{bot.id}/worker", json={}, headers=key).status_code == 201
    shown = client.get(f"/api/v1/bots/{bot.id}/worker", headers=key).json or {}
    assert shown["transport"] == "redis"


@pytest.mark.parametrize("brokers", [BROKERS], indirect=True)
def test_a_worker_on_kafka_is_told_its_topics_and_takes_nothing_by_the_other_ways(
    client: FlaskClient,
    platform: Platform,
    bot: Bot,
    key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = f"/api/v1/bots/{bot.id}/worker"
    monkeypatch.setattr(transports, "CLIENT", "no_such_library")
    refused = client.post(path, json={"transport": "kafka"}, headers=key)
    assert (refused.status_code, (refused.json or {})["code"]) == (422, "kafka_not_installed")
    monkeypatch.setattr(transports, "CLIENT", "json")  # whatever is installed: nothing is asked of it here
    made = client.post(path, json={"transport": "kafka", "max_replicas": 3}, headers=key).json or {}
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).status = BotStatus.RUNNING
    shown = client.get(path, headers=key).json or {}
    assert (shown["transport"], shown["status_reason"]) == ("kafka", "No program has read its topic yet")
    platform.redis.set(work_keys.kafka_trouble(bot.id), "refused")
    assert "Kafka refuses" in (client.get(path, headers=key).json or {})["status_reason"]
    with platform.database.reading() as session:
        told = environment_of(platform, bot, session.get_one(BotWorker, bot.id))
    name = bot.public_id
    assert {each: value for each, value in told.items() if each.startswith(("KAFKA", "BOT"))} == {
        "BOT_ID": name.removeprefix("bot_"),
        "KAFKA_BROKERS": BROKERS,
        "KAFKA_INCOMING_TOPIC": f"{name}_incoming",
        "KAFKA_OUTGOING_TOPIC": f"{name}_outgoing",
        "KAFKA_CONSUMER_GROUP": f"{name}_workers",
    }
    me = {"Authorization": f"Bearer {made['worker_token']}"}
    refused = client.get("/api/v1/runtime/next?wait=0", headers=me)
    assert (refused.status_code, (refused.json or {})["code"]) == (409, "worker_on_kafka")
    refused = client.get(f"/botapi/bot{made['worker_token']}/getUpdates")
    assert (refused.status_code, (refused.json or {})["ok"]) == (409, False)
    call = {"method": "sendMessage", "params": {"chat_id": 5, "text": "x"}}
    assert client.post("/api/v1/runtime/send", json=call, headers=me).status_code == 204


def test_settings_of_kafka_that_are_no_use_stop_the_start_and_hold_no_password() -> None:
    kafka = {**KEYS, "KAFKA_BROKERS": "kafka:9092"}
    assert load_settings({**kafka, "WORKER_TRANSPORT": "kafka"}).worker_transport is Transport.KAFKA
    whole = {**kafka, "KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_USERNAME": "we"}
    assert "topsecret" not in repr(load_settings({**whole, "KAFKA_PASSWORD": "topsecret"}))
    for given, named in (
        ({**KEYS, "WORKER_TRANSPORT": "kafka"}, "KAFKA_BROKERS"),
        (whole, "KAFKA_PASSWORD"),
        ({**KEYS, "KAFKA_BROKERS": "kafka"}, "KAFKA_BROKERS"),
        ({**KEYS, "KAFKA_BROKERS": "kafka:9092,"}, "KAFKA_BROKERS"),
    ):
        with pytest.raises(ConfigurationError, match=named):
            load_settings(given)
