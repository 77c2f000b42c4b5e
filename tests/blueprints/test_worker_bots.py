"""External workers over HTTP: `/bots` as programs know it, and the Runtime API that a bot's own program speaks."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from models import AuditEvent, Bot, BotWorker, Lead
from services.fleet.bots.webhooks import allowed_updates_of
from services.fleet.workers.registry import finish_endings
from services.fleet.workers.tokens import resolve_worker
from services.messaging.updates.intake import Intake
from services.operations.metrics import exposition
from services.platform.platform import Platform
from services.platform.redis import work_keys
from tests.blueprints.people import make_account, make_key
from tests.services.messaging.draining import handle_all, replies
from tools.servers.fleet import message
from tools.servers.sandbox import Sandbox

PERSON = 501


def seed(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    """The body of the seed's own example, for a bot at the sandbox, without what only an admin may say."""
    return {
        "bot_token": sandbox.create_bot()["token"],
        "bot_name": "my_awesome_bot",
        "min_replicas": 0,
        "max_replicas": 10,
        "env_vars": {"OPENAI_API_KEY": "sk-topsecret", "CUSTOM_VAR": "value"},
        **more,
    }


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_life_of_a_worker_s_bot_as_its_programs_know_it(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    key = make_key(platform, make_account(platform), "worker")
    answer = client.post("/bots", json=seed(sandbox), headers=key)
    made = answer.json or {}
    assert answer.status_code == 201, made
    name = made["bot_id"]
    assert answer.headers["Location"] == f"/bots/{name}"
    assert (
        made["kafka_topics"]
        == made["topics"]
        == {"incoming": f"{name}_incoming", "outgoing": f"{name}_outgoing"}
    )
    assert (made["status"], made["webhook_url"]) == ("created", None)  # it polls here
    shown = client.get(f"/bots/{name}", headers=key).json or {}
    assert shown["bot_name"] == "my_awesome_bot"
    assert shown["replicas"] == {"current": 0, "min": 0, "max": 10}
    assert (shown["lag"], shown["kafka_lag"], shown["env_vars"]) == (0, 0, ["CUSTOM_VAR", "OPENAI_API_KEY"])
    assert "topsecret" not in client.get(f"/bots/{name}", headers=key).text
    assert (client.get("/bots", headers=key).json or {})["items"] == [shown]
    changed = client.patch(
        f"/bots/{name}/replicas", json={"min_replicas": 1, "max_replicas": 20}, headers=key
    )
    assert (changed.json or {})["replicas"] == {"current": 0, "min": 1, "max": 20}
    refused = client.patch(f"/bots/{name}/replicas", json={"min_replicas": 21}, headers=key)
    assert (refused.status_code, (refused.json or {})["code"]) == (422, "replicas_invalid")
    assert client.delete(f"/bots/{name}", headers=key).status_code == 204
    assert client.get(f"/bots/{name}", headers=key).status_code == 404
    assert client.delete(f"/bots/{name}", headers=key).status_code == 404


def test_the_end_keeps_the_leads_and_goes_on_after_a_crash_at_any_step(
    client: FlaskClient, platform: Platform, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(platform, make_account(platform))
    body = seed(sandbox)
    made = client.post("/bots", json=body, headers=key).json or {}
    bot_id = resolve_worker(platform, made["worker_token"]).bot_id
    Intake(platform).accept(bot_id, message(1, PERSON, "one"))
    handle_all(platform)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("bot_changed", "forget_at_telegram", "forget_work"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(f"services.fleet.workers.registry.{step}", crash)
            client.delete(f"/bots/{made['bot_id']}", headers=key)
        assert (client.get(f"/bots/{made['bot_id']}", headers=key).json or {})["status"] == "deleting"
        assert (
            client.get("/api/v1/runtime/next?wait=0", headers=bearer(made["worker_token"])).status_code == 401
        )
    assert finish_endings(platform) == 1
    assert finish_endings(platform) == 0
    with platform.database.reading() as session:
        bot = session.get_one(Bot, bot_id)
        assert bot.desired_running is False
        assert session.get(BotWorker, bot_id) is None
        assert session.scalar(select(func.count()).select_from(Lead)) == 1
    assert platform.redis.keys(f"*:{bot_id}:work:*") == []
    assert platform.redis.exists(work_keys.incoming(made["bot_id"])) == 0
    again = client.post("/bots", json=body, headers=key).json or {}
    assert again["bot_id"] == made["bot_id"]  # the same bot, with its leads
    assert again["worker_token"] != made["worker_token"]


def test_code_for_our_machines_and_dangerous_variables_are_refused(
    client: FlaskClient, platform: Platform, sandbox: Sandbox
) -> None:
    key = make_key(platform, make_account(platform))
    admin = make_key(platform, make_account(platform, "admin@example.com", admin=True))
    for more, status, code in (
        ({"worker_image": "registry/worker:latest"}, 403, "admin_only"),
        ({"worker_command": "python worker.py"}, 403, "admin_only"),
        ({"env_vars": {"PATH": "/tmp"}}, 422, "env_refused"),
        ({"env_vars": {"ld_preload": "x"}}, 422, "env_refused"),
        ({"env_vars": {"PYTHONPATH": "x"}}, 422, "env_refused"),
        ({"env_vars": {"BOT_TOKEN": "x"}}, 422, "env_refused"),
        ({"env_vars": {"A B": "x"}}, 422, "env_refused"),
        ({"min_replicas": 3, "max_replicas": 2}, 422, "replicas_invalid"),
        ({"max_replicas": 0}, 422, "replicas_invalid"),
        ({"lease_seconds": 1}, 422, "invalid_input"),
        ({"allowed_updates": ["telepathy"]}, 422, "invalid_input"),
    ):
        answer = client.post("/bots", json=seed(sandbox, **more), headers=key)
        assert (answer.status_code, (answer.json or {})["code"]) == (status, code), more
    made = client.post("/bots", json=seed(sandbox, worker_image="registry/worker:latest"), headers=admin)
    assert made.status_code == 201
    assert (
        client.post(
            "/bots",
            json=seed(sandbox),
            headers=make_key(platform, make_account(platform, "r@example.com"), "read"),
        ).status_code
        == 403
    )


def test_a_program_takes_and_answers_over_http(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    wanted = {"allowed_updates": ["inline_query"]}
    made = client.post(f"/api/v1/bots/{bot.id}/worker", json=wanted, headers=key).json or {}
    with platform.database.reading() as session:
        assert "inline_query" in allowed_updates_of(session.get_one(Bot, bot.id))
    assert client.post(f"/api/v1/bots/{bot.id}/worker", json={}, headers=key).status_code == 409
    me = bearer(made["worker_token"])
    empty = client.get("/api/v1/runtime/next?wait=0", headers=me)
    assert (empty.json, empty.headers["X-Deadline-Seconds"]) == ({"items": []}, "60")
    Intake(platform).accept(bot.id, message(1, PERSON, "/start promo"))
    handle_all(platform)
    assert (client.get(f"/bots/{bot.public_id}", headers=key).json or {})["lag"] == 1
    assert f'worker_lag{{bot="{bot.id}"}} 1.0' in exposition(platform).decode()
    (work,) = (client.get("/api/v1/runtime/next?wait=0&limit=10", headers=me).json or {})["items"]
    assert (work["bot_id"], work["start"], work["attempt"]) == (bot.public_id, "promo", 1)
    assert work["update"]["message"]["text"] == "/start promo"
    place = f"/api/v1/runtime/leases/{work['lease']}"
    assert client.post(f"{place}/extend", headers=me).json == {"seconds": 60}
    call = {"bot_token": "1:x", "method": "sendMessage", "params": {"chat_id": PERSON, "text": "Olá"}}
    assert client.post(f"{place}/response", json={"calls": [call]}, headers=me).status_code == 204
    again = client.post(f"{place}/response", json={"calls": [call]}, headers=me)
    assert (again.status_code, (again.json or {})["code"]) == (409, "lease_gone")
    assert client.post("/api/v1/runtime/send", json={**call, "bulk": False}, headers=me).status_code == 204
    assert replies(platform, bot) == [(str(PERSON), "Olá")] * 2
    assert client.post("/api/v1/runtime/send", json={"method": "logOut"}, headers=me).status_code == 422
    huge = {"method": "sendMessage", "params": {"text": "x" * 1_000_001}}
    assert client.post("/api/v1/runtime/send", json=huge, headers=me).status_code == 413


def test_what_was_taken_together_is_answered_together_and_what_is_gone_is_named(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    me = bearer(
        (client.post(f"/api/v1/bots/{bot.id}/worker", json={}, headers=key).json or {})["worker_token"]
    )
    for number, person in enumerate((PERSON, PERSON + 1, PERSON + 2), start=1):
        Intake(platform).accept(bot.id, message(number, person, "one"))
    handle_all(platform)
    works = (client.get("/api/v1/runtime/next?wait=0&limit=10", headers=me).json or {})["items"]
    leases = [work["lease"] for work in works]
    calls = [
        [
            {
                "method": "sendMessage",
                "params": {"chat_id": work["update"]["message"]["chat"]["id"], "text": "x"},
            }
        ]
        for work in works
    ]
    refused = [{"lease": leases[0], "calls": calls[0]}, {"lease": leases[1], "calls": [{"method": "logOut"}]}]
    answer = client.post("/api/v1/runtime/responses", json={"answers": refused}, headers=me)
    assert (answer.status_code, replies(platform, bot)) == (422, []), "none is settled when one cannot be"
    assert client.post(f"/api/v1/runtime/leases/{leases[0]}/response", json={}, headers=me).status_code == 204
    answers = [{"lease": lease, "calls": each} for lease, each in zip(leases, calls, strict=True)]
    for gone, sent in ((leases[:1], 2), (leases, 2)):
        answer = client.post("/api/v1/runtime/responses", json={"answers": answers}, headers=me)
        assert (answer.json, len(replies(platform, bot))) == ({"gone": gone}, sent)


def test_a_worker_s_token_opens_nothing_else_and_is_of_no_use_once_it_is_renewed_or_revoked(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    first = (client.post(f"/api/v1/bots/{bot.id}/worker", json={}, headers=key).json or {})["worker_token"]
    assert first.startswith(f"{bot.telegram_bot_id}:flw_")
    for path in ("/bots", "/api/v1/bots", "/api/v1/keys", f"/api/v1/bots/{bot.id}/worker"):
        assert client.get(path, headers=bearer(first)).status_code == 401
    for wrong in ("", "7001:flw_" + "x" * 43, first[:-1], key["Authorization"].split()[1]):
        assert client.get("/api/v1/runtime/next?wait=0", headers=bearer(wrong)).status_code == 401
    second = (client.post(f"/api/v1/bots/{bot.id}/worker/token", headers=key).json or {})["worker_token"]
    assert client.get("/api/v1/runtime/next?wait=0", headers=bearer(first)).status_code == 401
    assert client.get("/api/v1/runtime/next?wait=0", headers=bearer(second)).status_code == 200
    assert client.delete(f"/api/v1/bots/{bot.id}/worker/token", headers=key).status_code == 204
    assert client.get("/api/v1/runtime/next?wait=0", headers=bearer(second)).status_code == 401
    with platform.database.reading() as session:
        kept = [session.get_one(BotWorker, bot.id).token_hash, *session.scalars(select(AuditEvent.details))]
        kept += session.scalars(select(AuditEvent.changes))
    for token in (first, second):
        assert token not in str(kept)
        assert token not in caplog.text
