"""Programs that are started here, over HTTP: changed, restarted, told of."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from models import Bot, BotStatus, BotWorker
from services.core.i18n import NO_TEXT, Text
from services.core.metrics import WORKER_HANDLING_SECONDS
from services.fleet.workers.copies import Copies, CopiesState, Exit, Sample, put_copies, put_exit, put_output
from services.fleet.workers.environment import opened_environment
from services.fleet.workers.programs import programs
from services.fleet.workers.registry import finish_endings
from services.fleet.workers.tokens import resolve_worker
from services.messaging.updates.intake import Intake
from services.operations.metrics import exposition
from services.platform.platform import Platform
from services.platform.redis import work_keys
from services.queueing.heartbeats import beat, farewell
from services.reporting.worker_history import by_minute
from tests.blueprints.people import make_account, make_key, sign_in
from tests.services.messaging.draining import handle_all
from tools.servers.fleet import message
from tools.servers.sandbox import Sandbox

PROCESS = "programs@here:1"
ENGLISH = {"Accept-Language": "en"}
FAILED = Text("It exits at once with code {code}", code=3)


@pytest.fixture
def admin(platform: Platform) -> dict[str, str]:
    return make_key(platform, make_account(platform, "admin@example.com", admin=True))


@pytest.fixture
def bot(platform: Platform, bot: Bot) -> Bot:
    """One that runs."""
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).status = BotStatus.RUNNING
    return bot


def say(platform: Platform, bot: Bot, copies: Copies) -> None:
    """What a driver says of the bot's copies."""
    with platform.redis.pipeline() as pipe:
        put_copies(pipe, bot.id, copies)
        pipe.execute()


def test_what_is_said_of_copies_is_the_worker_s_status(
    client: FlaskClient, platform: Platform, bot: Bot, admin: dict[str, str]
) -> None:
    here = f"/api/v1/bots/{bot.id}/worker"
    assert client.post(here, json={"worker_command": "sleep 9"}, headers=admin).status_code == 201

    def shown() -> tuple[str, str, int]:
        found = client.get(here, headers={**admin, **ENGLISH}).json or {}
        return found["status"], found["status_reason"], found["replicas"]["current"]

    assert shown() == ("failed", "The programs process is not running: nothing starts it", 0)
    beat(platform, PROCESS)
    assert shown() == ("scaled_to_zero", "", 0)
    for copies, status in (
        (Copies(2, CopiesState.RUNNING), "running"),
        (Copies(0, CopiesState.ASLEEP), "scaled_to_zero"),
        (Copies(1, CopiesState.FAILED, FAILED), "failed"),
    ):
        say(platform, bot, copies)
        assert shown() == (status, str(copies.reason), copies.current)
    assert f'worker_replicas{{bot="{bot.id}"}} 1.0' in exposition(platform).decode()
    with platform.redis.pipeline() as pipe:
        for number in range(12):
            put_exit(pipe, bot.id, Exit(1.8e9 + number, 0.5, 3, None, FAILED.for_column(), ["Traceback"]))
        pipe.execute()
    exits = (client.get(here, headers={**admin, **ENGLISH}).json or {})["exits"]
    assert len(exits) == 10
    assert exits[0]["at"] > exits[-1]["at"]
    told = {name: exits[0][name] for name in ("code", "signal", "reason", "output", "seconds")}
    assert told == {"code": 3, "signal": None, "reason": str(FAILED), "output": ["Traceback"], "seconds": 0.5}
    farewell(platform, PROCESS)
    assert shown()[0] == "failed"
    client.delete(f"{here}/token", headers=admin)
    beat(platform, PROCESS)
    assert shown()[1] == "It has no token in force: make a new one and it is started"


def test_a_worker_is_changed_by_its_owner_and_its_code_by_an_admin_alone(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str], admin: dict[str, str]
) -> None:
    here = f"/api/v1/bots/{bot.id}/worker"
    client.post(here, json={"env_vars": {"OLD": "1"}}, headers=key)
    restarted = client.post(f"{here}/restart", headers=key)
    assert (restarted.status_code, (restarted.json or {})["code"]) == (409, "worker_elsewhere")
    for body, status, code in (
        ({"worker_command": "sleep 9"}, 403, "admin_only"),
        ({"min_replicas": 3, "max_replicas": 2}, 422, "replicas_invalid"),
        ({"min_replicas": 2}, 422, "replicas_invalid"),  # the most stays 1
        ({"env_vars": {"PATH": "/tmp"}}, 422, "env_refused"),
        ({"lease_seconds": 5}, 422, "invalid_input"),
    ):
        answer = client.patch(here, json=body, headers=key)
        assert (answer.status_code, (answer.json or {})["code"]) == (status, code), body
    assert client.patch(here, json={"worker_image": "bots/echo:1"}, headers=admin).status_code == 200
    changed = client.patch(here, json={"worker_command": "sleep 9"}, headers=admin).json or {}
    assert (changed["worker_command"], changed["worker_image"]) == ("sleep 9", "")
    changed = client.patch(here, json={"max_replicas": 4, "env_vars": {"NEW": "two"}}, headers=key).json or {}
    assert (changed["worker_command"], changed["env_vars"]) == ("sleep 9", ["NEW"])
    assert changed["replicas"] == {"current": 0, "min": 0, "max": 4}
    with platform.database.reading() as session:
        sealed = session.get_one(BotWorker, bot.id).sealed_environment
    assert opened_environment(platform.vault, bot.id, sealed) == {"NEW": "two"}
    (before,) = programs(platform)
    assert client.post(f"{here}/restart", headers=key).status_code == 200
    (after,) = programs(platform)
    assert (before.restarted_at, after.restarted_at is None) == (None, False)


def test_the_end_waits_until_the_last_copy_is_gone(
    client: FlaskClient, platform: Platform, bot: Bot, admin: dict[str, str]
) -> None:
    here = f"/api/v1/bots/{bot.id}/worker"
    client.post(here, json={"worker_command": "sleep 9"}, headers=admin)
    say(platform, bot, Copies(1, CopiesState.RUNNING, NO_TEXT))
    beat(platform, PROCESS)
    platform.redis.xadd(work_keys.incoming(bot.public_id), {"update": "{}"})
    assert client.delete(here, headers=admin).status_code == 204
    assert (client.get(here, headers=admin).json or {})["status"] == "deleting"
    assert client.patch(here, json={"max_replicas": 2}, headers=admin).status_code == 409
    assert programs(platform) == []  # so the driver ends it
    assert finish_endings(platform, bot.id) == 0
    assert platform.redis.exists(work_keys.incoming(bot.public_id))
    farewell(platform, PROCESS)  # with its driver every copy has ended
    assert finish_endings(platform, bot.id + 1) == 0
    assert finish_endings(platform, bot.id) == 1
    assert platform.redis.exists(work_keys.incoming(bot.public_id), work_keys.programs()) == 0
    assert client.get(here, headers=admin).status_code == 404


def test_the_time_that_programs_take_is_measured_from_giving_out_to_answer(
    client: FlaskClient, platform: Platform, bot: Bot, key: dict[str, str]
) -> None:
    made = client.post(f"/api/v1/bots/{bot.id}/worker", json={"ordered": False}, headers=key).json or {}
    token, me = made["worker_token"], {"Authorization": f"Bearer {made['worker_token']}"}

    def measured() -> tuple[float, float]:
        (found,) = WORKER_HANDLING_SECONDS.collect()
        values = {sample.name.rpartition("_")[2]: sample.value for sample in found.samples}
        return values["count"], values["sum"]

    def given() -> str:
        (work,) = (client.get("/api/v1/runtime/next?wait=0", headers=me).json or {})["items"]
        redis, name = platform.redis, work_keys.incoming(bot.public_id)
        redis.xclaim(name, work_keys.group(bot.public_id), "http", 0, [work["lease"]], idle=3000, justid=True)
        return f"/api/v1/runtime/leases/{work['lease']}"

    for number in range(3):
        Intake(platform).accept(bot.id, message(1 + number, 501, "hello"))
    handle_all(platform)
    count, total = measured()
    assert client.post(f"{given()}/response", json={}, headers=me).status_code == 204
    assert measured()[0] == count + 1
    assert 3 <= measured()[1] - total < 60
    client.post(f"{given()}/error", json={"error": "no", "retry": False}, headers=me)
    assert measured()[0] == count + 1  # given up is not answered
    (update,) = (client.get(f"/botapi/bot{token}/getUpdates").json or {})["result"]
    client.get(f"/botapi/bot{token}/getUpdates?offset={update['update_id'] + 1}")
    assert measured()[0] == count + 2


def test_the_output_of_copies_is_shown_to_the_bot_s_people_alone_line_by_line(
    client: FlaskClient, platform: Platform, bot: Bot, sandbox: Sandbox
) -> None:
    key = make_key(platform, make_account(platform))
    made = client.post("/bots", json={"bot_token": sandbox.create_bot()["token"]}, headers=key).json or {}
    others, bot_id = bot, resolve_worker(platform, made["worker_token"]).bot_id
    sign_in(client)
    with platform.redis.pipeline() as pipe:
        put_output(pipe, bot_id, [f"line {number}" for number in range(400)])
        pipe.execute()
    here = f"/panel/live/bots/{bot_id}/worker/output"
    lines = (client.get(here).json or {})["lines"]
    assert [each["text"] for each in lines] == [f"line {number}" for number in range(100, 400)]
    later = client.get(f"{here}?after={lines[-2]['id']}").json or {}
    assert later["lines"] == lines[-1:]
    assert len((client.get(f"{here}?after=(nonsense").json or {})["lines"]) == 300
    assert client.get(f"/panel/live/bots/{others.id}/worker/output").status_code == 404


def test_an_admin_s_overview_counts_the_programs_of_all_bots(
    client: FlaskClient, platform: Platform, bot: Bot
) -> None:
    def part() -> dict[str, object] | None:
        parts = (client.get("/panel/live/overview", headers=ENGLISH).json or {})["system"]["parts"]
        return next((each for each in parts if each["name"] == "bot-programs"), None)

    make_account(platform)
    make_account(platform, "root@example.com", admin=True)
    sign_in(client, "root@example.com")
    assert part() is None
    say(platform, bot, Copies(3, CopiesState.RUNNING))
    shown = part() or {}
    assert (shown["text"], shown["ok"]) == ("1 running, 0 asleep", True)
    say(platform, bot, Copies(0, CopiesState.FAILED, FAILED))
    shown = part() or {}
    assert (shown["text"], shown["ok"]) == ("0 running, 0 asleep, 1 out of order", False)
    other = client.application.test_client()
    sign_in(other)
    assert "bot-programs" not in other.get("/panel/live/overview").text


def test_the_chart_has_the_most_of_each_minute_and_zero_for_those_in_which_a_bot_slept() -> None:
    samples = [Sample(7200.0, 1, 9), Sample(7215.0, 3, 2), Sample(7290.0, 2, 0), Sample(10.0, 9, 9)]
    found = by_minute(samples, 7325.0)
    assert found["times"] == [minute * 60 for minute in range(63, 123)]
    assert found["copies"] == [0] * 57 + [3, 2, 0]
    assert found["lag"] == [0] * 57 + [9, 0, 0]
