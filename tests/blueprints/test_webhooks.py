"""What Telegram, and anybody who pretends to be Telegram, is answered at the webhook's door."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from flask import Flask, request_started
from flask.testing import FlaskClient
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

from app import create_app
from blueprints.webhooks import door
from models import Bot
from services.core.settings import Settings
from services.fleet.bots.webhook_secret import webhook_secret
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.fleet import add_bot, message, stream

SECRET = "X-Telegram-Bot-Api-Secret-Token"


class Unread(io.BytesIO):
    """A body that must not be touched."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readinto = readline = read  # type: ignore[assignment]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One lane."""
    return settings.model_copy(update={"update_lanes": 1, "intake_max_backlog": 100})


@pytest.fixture
def bot(platform: Platform) -> Bot:
    return add_bot(platform, {"id": 7001, "username": "door_bot", "token": "7001:" + "A" * 35})


@pytest.fixture
def app(platform: Platform) -> Flask:
    return create_app(platform)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def inside(platform: Platform) -> FlaskClient:
    """A client of the same installation without the fast path."""
    settings = platform.settings.model_copy(update={"fast_path": False})
    return create_app(Platform(settings)).test_client()


def post(client: FlaskClient, bot: Bot, platform: Platform, body: bytes, suffix: str = "") -> TestResponse:
    headers = {SECRET: webhook_secret(platform.vault, bot.path_id)}
    return client.post(f"/webhook/{bot.path_id}{suffix}", data=body, headers=headers)


@pytest.mark.parametrize("suffix", ["", "/shop-bot"])
def test_an_update_is_taken_with_and_without_a_readable_suffix(
    platform: Platform, client: FlaskClient, bot: Bot, suffix: str
) -> None:
    answer = post(client, bot, platform, json.dumps(message(1, 5, "hi")).encode(), suffix)
    assert (answer.status_code, answer.data) == (200, b"")
    assert platform.redis.xlen(keys.update_lane(0)) == 1


def test_strangers_get_one_and_the_same_401_with_their_body_unread(
    platform: Platform, client: FlaskClient, bot: Bot
) -> None:
    right = webhook_secret(platform.vault, bot.path_id)
    tries = [
        ("f" * 32, right),
        ("f" * 32, webhook_secret(platform.vault, "f" * 32)),
        (bot.path_id, "wrong"),
        (bot.path_id, ""),
        (bot.path_id, right + "0"),
        (bot.path_id, "é"),
    ]
    answers = []
    for path, secret in tries:
        answer = client.post(
            f"/webhook/{path}", headers={SECRET: secret}, input_stream=Unread(), content_length=5
        )
        headers = [each for each in answer.headers if not each[0].startswith("X-RateLimit")]
        answers.append((answer.status_code, answer.data, sorted(headers)))
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("body", [b"", b"{broken", b"[1]", b"\xff", b'{"update_id": 1}' * 2])
def test_a_broken_body_with_the_right_secret_is_200_and_a_dead_letter(
    platform: Platform, client: FlaskClient, bot: Bot, body: bytes
) -> None:
    assert post(client, bot, platform, body).status_code == 200
    assert platform.redis.xlen(keys.intake_dead()) == 1


def test_an_oversized_body_is_200_and_a_dead_letter(
    platform: Platform, client: FlaskClient, bot: Bot
) -> None:
    body = json.dumps(message(1, 5, "x" * 1_000_001)).encode()
    assert post(client, bot, platform, body).status_code == 200
    [(_, fields)] = stream(platform, keys.intake_dead())
    assert (fields["reason"], int(fields["size"])) == ("too_large", len(body))
    assert platform.redis.xlen(keys.update_lane(0)) == 0


def test_a_full_lane_answers_503_with_retry_after(platform: Platform, client: FlaskClient, bot: Bot) -> None:
    for number in range(100):
        platform.redis.xadd(keys.update_lane(0), {"n": number})
    answer = post(client, bot, platform, json.dumps(message(1, 5, "hi")).encode())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("remembered", [True, False])
def test_without_redis_the_answer_is_503_whether_or_not_the_path_is_remembered(
    settings: Settings, platform: Platform, bot: Bot, remembered: bool
) -> None:
    away = Platform(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    app = create_app(away)
    client = app.test_client()
    if remembered:
        with app.app_context():
            assert door()._paths._keep(bot.path_id, bot.id) == []
    answer = post(client, bot, away, json.dumps(message(1, 5, "hi")).encode())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_after_redis_has_lost_its_data_updates_are_taken_at_once(
    platform: Platform, client: FlaskClient, inside: FlaskClient, bot: Bot
) -> None:
    for number, road in enumerate((client, inside)):
        platform.redis.flushall()
        assert post(road, bot, platform, json.dumps(message(number, 5, "hi")).encode()).status_code == 200
        assert platform.redis.xlen(keys.update_lane(0)) == 1


def test_while_neither_redis_nor_the_database_knows_the_path_telegram_is_to_try_again(
    settings: Settings, platform: Platform, bot: Bot
) -> None:
    platform.redis.flushall()
    away = Platform(settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/nothing"}))
    client = create_app(away).test_client()
    answer = post(client, bot, away, json.dumps(message(1, 5, "hi")).encode())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    wrong = client.post(f"/webhook/{bot.path_id}", headers={SECRET: "wrong"}, data=b"{}")
    assert wrong.status_code == 401


@pytest.mark.parametrize("state", [{"desired_running": False}, {"mode": "polling"}, None])
def test_a_bot_that_takes_no_webhooks_gets_none_after_redis_has_lost_its_data(
    platform: Platform, client: FlaskClient, bot: Bot, state: dict[str, object] | None
) -> None:
    with platform.database.transaction() as session:
        session.execute(delete(Bot) if state is None else update(Bot).values(**state))
    platform.redis.flushall()
    assert post(client, bot, platform, json.dumps(message(1, 5, "hi")).encode()).status_code == 401
    assert platform.redis.xlen(keys.update_lane(0)) == 0


def test_a_wrong_secret_is_refused_without_a_look_into_redis_or_the_database(
    settings: Settings, platform: Platform, bot: Bot
) -> None:
    update = {"redis_url": "redis://127.0.0.1:1/0", "database_url": "postgresql://127.0.0.1:1/nothing"}
    client = create_app(Platform(settings.model_copy(update=update))).test_client()
    assert client.post(f"/webhook/{bot.path_id}", headers={SECRET: "x"}, data=b"{}").status_code == 401


def test_only_post_is_answered(client: FlaskClient, bot: Bot) -> None:
    assert client.get(f"/webhook/{bot.path_id}").status_code == 405


def test_an_update_is_taken_before_flask(
    platform: Platform, app: Flask, client: FlaskClient, bot: Bot
) -> None:
    inside: list[Flask] = []

    def note(sender: Flask, **_: Any) -> None:
        inside.append(sender)

    with request_started.connected_to(note, app):
        assert post(client, bot, platform, json.dumps(message(1, 5, "hi")).encode()).status_code == 200
    assert inside == []
    assert platform.redis.xlen(keys.update_lane(0)) == 1


@pytest.mark.parametrize(
    ("body", "secret"), [(b'{"update_id": 1}', None), (b"{broken", None), (b"", None), (b"{}", "wrong")]
)
def test_the_answer_before_flask_is_the_one_inside_it(
    platform: Platform, client: FlaskClient, inside: FlaskClient, bot: Bot, body: bytes, secret: str | None
) -> None:
    headers = {SECRET: secret or webhook_secret(platform.vault, bot.path_id)}

    def ask(client: FlaskClient) -> tuple[int, bytes, list[tuple[str, str]]]:
        platform.redis.delete(*platform.redis.keys("*:limit:*") or [""])
        answer = client.post(f"/webhook/{bot.path_id}", data=body, headers=headers)
        told = [each for each in answer.headers if each[0] != "X-RateLimit-Reset"]
        return answer.status_code, answer.data, sorted(told)

    assert ask(client) == ask(inside)


def test_wrong_secrets_are_limited_by_address_and_keep_out_nobody_with_the_right_one(
    platform: Platform, client: FlaskClient, inside: FlaskClient, bot: Bot
) -> None:
    def guess(client: FlaskClient, address: str) -> TestResponse:
        return client.post(
            f"/webhook/{bot.path_id}",
            headers={SECRET: "wrong"},
            data=b"{}",
            environ_base={"REMOTE_ADDR": address},
        )

    guesses = [guess((client, inside)[number % 2], "198.51.100.1").status_code for number in range(62)]
    assert guesses == [401] * 60 + [429] * 2
    refused = guess(client, "198.51.100.1")
    assert refused.mimetype == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert guess(client, "198.51.100.2").status_code == 401
    for each in (client, inside):
        each.environ_base["REMOTE_ADDR"] = "198.51.100.1"
        assert post(each, bot, platform, b'{"update_id": 1}').status_code == 200


def test_a_body_that_ends_before_its_length_is_400_and_taken_nowhere(
    platform: Platform, client: FlaskClient, bot: Bot
) -> None:
    headers = {SECRET: webhook_secret(platform.vault, bot.path_id)}
    answer = client.post(
        f"/webhook/{bot.path_id}",
        headers=headers,
        data=b'{"update_id": 1}',
        environ_overrides={"CONTENT_LENGTH": "500"},
    )
    assert answer.status_code == 400
    assert not platform.redis.exists(keys.update_lane(0), keys.intake_dead())


def test_an_unforeseen_error_is_a_500_with_an_id_and_nothing_else(
    platform: Platform, app: Flask, client: FlaskClient, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        intake = door().intake
    monkeypatch.setattr(intake, "accept_body", lambda *_: 1 / 0)
    answer = post(client, bot, platform, b'{"update_id": 1}')
    assert answer.status_code == 500
    assert answer.get_json()["error_id"]
    assert "division" not in answer.text
