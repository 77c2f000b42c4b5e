"""`/api/v1/bots` in the words of the interface that workers' owners know, beside the product's own: one resource."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import RedisError
from sqlalchemy import event

from models import Bot
from services.fleet.workers.registry import NewWorker, give_worker
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.blueprints.people import make_account, make_key
from tests.services.messaging.draining import handle_all
from tools.servers.fleet import accept_all, add_bot, message
from tools.servers.sandbox import Sandbox

NONE = {"worker_status": None, "replicas": None, "lag": None, "kafka_lag": None}


def seed(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    return {
        "bot_token": sandbox.create_bot()["token"],
        "bot_name": "my_awesome_bot",
        "min_replicas": 0,
        "max_replicas": 10,
        "env_vars": {"CUSTOM_VAR": "value"},
        **more,
    }


def test_the_seed_s_body_makes_a_worker_and_the_answer_has_both_families_of_names(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform)
    worker, whole = make_key(platform, account, "worker"), make_key(platform, account)
    answer = client.post("/api/v1/bots", json=seed(sandbox, tags=["shop"]), headers=worker)
    made = answer.json or {}
    assert answer.status_code == 201, made
    name = made["bot_id"]
    assert (made["public_id"], made["name"], made["bot_name"]) == (name, "my_awesome_bot", "my_awesome_bot")
    assert (
        made["topics"]
        == made["kafka_topics"]
        == {"incoming": f"{name}_incoming", "outgoing": f"{name}_outgoing"}
    )
    assert (made["status"], made["webhook_url"], made["plugins"], made["tags"]) == (
        "created",
        None,
        [],
        ["shop"],
    )
    assert made["worker_token"].startswith(f"{made['telegram_bot_id']}:flw_")
    assert answer.headers["Location"] == f"/api/v1/bots/{made['id']}"
    shown = client.get(f"/api/v1/bots/{name}", headers=whole).json or {}
    assert shown["replicas"] == {"current": 0, "min": 0, "max": 10}
    assert (shown["worker_status"], shown["lag"], shown["kafka_lag"]) == ("created", 0, 0)
    assert "worker_token" not in shown
    changed = client.patch(f"/api/v1/bots/{name}/replicas", json={"min_replicas": 1}, headers=worker)
    assert (changed.json or {})["replicas"]["min"] == 1
    plain = (
        client.post(
            "/api/v1/bots", json={"token": sandbox.create_bot()["token"], "bot_name": "plain"}, headers=whole
        ).json
        or {}
    )
    assert (plain["bot_name"], "worker_token" in plain, "topics" in plain) == ("plain", False, False)
    assert {key: plain[key] for key in NONE} == NONE


def test_what_does_not_go_together_is_refused_and_a_worker_s_key_makes_no_other_bots(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    account = make_account(platform)
    worker, whole = make_key(platform, account, "worker"), make_key(platform, account)
    token = sandbox.create_bot()["token"]
    for key, body, status, code in (
        (worker, {"bot_token": token, "bot_name": "x"}, 403, "scope_missing"),
        (worker, seed(sandbox, worker_image="registry.example.com/x"), 403, "admin_only"),
        (whole, {"token": token, "bot_token": token}, 422, "invalid_input"),
        (whole, {"bot_name": "x"}, 422, "invalid_input"),
        (whole, seed(sandbox, plugins=[]), 422, "plugins_or_worker"),
        (whole, seed(sandbox, min_replicas=11), 422, "replicas_invalid"),
        (whole, seed(sandbox, env_vars={"LD_PRELOAD": "x"}), 422, "env_refused"),
        (make_key(platform, account, "read"), seed(sandbox), 403, "scope_missing"),
    ):
        answer = client.post("/api/v1/bots", json=body, headers=key)
        assert (answer.status_code, (answer.json or {})["code"]) == (status, code), body
    for path in ("/api/v1/bots", "/api/v1/pools", "/api/v1/leads", "/api/v1/keys"):
        assert client.get(path, headers=worker).status_code in (403, 404), path
    assert (client.get("/api/v1/bots", headers=whole).json or {})["items"] == []


def test_a_list_asks_once_for_all_workers_and_shows_what_waits(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    statements: list[str] = []
    event.listen(
        platform.database.engine, "before_cursor_execute", lambda *args: statements.append(str(args[2]))
    )
    give_worker(platform, owner, bot.id, NewWorker())
    accept_all(platform, bot, [message(1, 501, "one"), message(2, 501, "two")])
    handle_all(platform)
    for number in range(3):
        others = add_bot(platform, {"id": 7100 + number, "username": f"b{number}_bot", "token": "-"})
        with platform.database.transaction() as session:
            session.get_one(Bot, others.id).account_id = bot.account_id
        give_worker(platform, owner, others.id, NewWorker())
    statements.clear()
    (shown, *rest) = (client.get("/api/v1/bots", headers=key).json or {})["items"]
    assert (shown["lag"], shown["kafka_lag"], [each["lag"] for each in rest]) == (2, 2, [0, 0, 0])
    assert len([each for each in statements if "FROM bot_workers" in each]) == 1

    def away(*_: object) -> None:
        raise RedisError

    monkeypatch.setattr("services.fleet.workers.bot_views.lags", away)
    (blind, *_) = (client.get("/api/v1/bots", headers=key).json or {})["items"]
    assert (blind["lag"], blind["replicas"]["max"]) == (None, 1)


def test_the_public_id_finds_a_bot_everywhere_and_its_end_ends_the_worker_first(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Principal(bot.account_id, f"account:{bot.account_id}")
    token = give_worker(platform, owner, bot.id, NewWorker())[2]
    accept_all(platform, bot, [message(1, 501, "one")])
    handle_all(platform)
    for path in ("", "/worker", "/access", "/texts", "/files", "/events"):
        by_number, by_name = (
            client.get(f"/api/v1/bots/{one}{path}", headers=key) for one in (bot.id, bot.public_id)
        )
        assert (by_number.status_code, by_number.json) == (by_name.status_code, by_name.json), path
    place = f"/api/v1/bots/{bot.public_id}"
    assert client.post(f"{place}/stop", headers=key).status_code == 200

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for step in ("registry.bot_changed", "registry.forget_work", "removal.delete_bot"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(f"services.fleet.workers.{step}", crash)
            client.delete(place, headers=key)
        assert (
            client.get(
                "/api/v1/runtime/next?wait=0", headers={"Authorization": f"Bearer {token}"}
            ).status_code
            == 401
        )
        assert (client.get(place, headers=key).json or {})["desired_running"] is False
    assert platform.redis.exists(work_keys.incoming(bot.public_id)) == 0
    assert client.delete(place, headers=key).status_code == 204
    assert client.get(place, headers=key).status_code == 404
    assert platform.redis.keys(f"*:{bot.id}:work:*") == []
