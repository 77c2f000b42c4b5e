"""Dead letters over HTTP, at the command line and in the panel."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from models import Account, Bot
from services.alerts.dead_letters.store import Failure, sealed_original, store
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, JobQueue
from tests.blueprints.people import make_account, make_key, sign_in

PATH = "/api/v1/dead-letters"


@pytest.fixture
def account(platform: Platform) -> Account:
    return make_account(platform)


@pytest.fixture
def bot(platform: Platform, account: Account) -> Bot:
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=account.id,
            public_id="bot_0123456789ab",
            telegram_bot_id=7001,
            username="trial_bot",
            sealed_token="-",
            mode="webhook",
            path_id="p",
        )
        session.add(bot)
    return bot


@pytest.fixture
def letters(platform: Platform, bot: Bot) -> None:
    """Three updates of one cause, one of another, one send that may have arrived."""
    causes = ["KeyError: 'total'"] * 3 + ["ValueError: no"]
    with platform.database.transaction() as session:
        for number, error in enumerate(causes):
            original = {"chat": "1", "request": f"r{number}", "update": '{"hidden": "original"}'}
            store(
                session,
                kind="update",
                source_id=f"update:{bot.id}:r{number}",
                error=f"Traceback …\n{error}",
                where=error,
                bot_id=bot.id,
                attempts=4,
                failures=[Failure("2026-11-20T12:00:00.000Z", error)] * 4,
                payload={"update": "{}"},
                sealed_payload=sealed_original(platform.vault, bot.id, original),
            )
        store(
            session,
            kind="send",
            source_id="send:1",
            error="telegram_uncertain: no answer",
            bot_id=bot.id,
            sealed_payload="sealed",
            is_uncertain=True,
        )


@pytest.fixture
def key(platform: Platform, account: Account) -> dict[str, str]:
    return make_key(platform, account)


def get(client: FlaskClient, path: str, key: dict[str, str]) -> dict[str, Any]:
    answer = client.get(path, headers=key)
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def post(client: FlaskClient, path: str, key: dict[str, str], **body: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post(path, json=body, headers=key)
    return answer.status_code, dict(answer.json or {})


@pytest.mark.data
@pytest.mark.usefixtures("letters")
def test_letters_come_in_pages_and_by_filter(client: FlaskClient, key: dict[str, str], bot: Bot) -> None:
    first = get(client, f"{PATH}?limit=3", key)
    rest = get(client, f"{PATH}?limit=3&cursor={first['next']}", key)
    ids = [item["id"] for item in first["items"] + rest["items"]]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest["next"]) == (5, None)
    for query, number in (
        ("kind=send", 1),
        ("uncertain=false", 4),
        (f"bot_id={bot.id}", 5),
        ("bot_id=99999", 0),
        ("state=resolved", 0),
        (f"fingerprint={rest['items'][-1]['fingerprint']}", 3),
        ("from=2126-01-01T00:00:00Z", 0),
        ("to=2126-01-01T00:00:00Z", 5),
    ):
        assert len(get(client, f"{PATH}?{query}", key)["items"]) == number, query
    assert client.get(f"{PATH}?colour=red", headers=key).status_code == 422


@pytest.mark.data
@pytest.mark.usefixtures("letters")
def test_groups_and_one_letter_tell_the_cause_and_never_the_original(
    client: FlaskClient, key: dict[str, str]
) -> None:
    groups = get(client, f"{PATH}/groups", key)["items"]
    assert [(group["example"], group["count"]) for group in groups] == [
        ("telegram_uncertain: no answer", 1),
        ("ValueError: no", 1),
        ("KeyError: 'total'", 3),
    ]
    answer = client.get(f"{PATH}/{groups[1]['example_id']}", headers=key)
    letter = answer.json or {}
    assert [each["error"] for each in letter["timeline"]] == ["ValueError: no"] * 4
    assert letter["can_be_replayed"]
    assert "original" not in answer.text
    assert "sealed" not in answer.text


@pytest.mark.data
@pytest.mark.usefixtures("letters")
def test_replaying_counts_first_then_begins_once(
    client: FlaskClient, platform: Platform, key: dict[str, str]
) -> None:
    status, plan = post(client, f"{PATH}/replay", key, filter={"state": "open"}, dry_run=True)
    assert status == 200
    assert plan == {
        "dry_run": True,
        "matching": 5,
        "replaying": 4,
        "uncertain_left_out": 1,
        "not_replayable": 0,
    }
    assert post(client, f"{PATH}/replay", key, filter={})[1]["replaying"] == 4
    assert post(client, f"{PATH}/replay", key, filter={})[1]["replaying"] == 0
    queued = platform.job_redis.lrange(f"rq:queue:{JobQueue.DEFAULT}", 0, -1)
    assert len(queued) == 1
    assert str(JobName.REPLAY_DEAD_LETTERS).endswith("replay_dead_letters")


@pytest.mark.usefixtures("letters")
def test_what_is_no_selection_is_refused(
    client: FlaskClient, platform: Platform, key: dict[str, str]
) -> None:
    for body in ({}, {"ids": [1], "filter": {}}, {"ids": [0]}, {"ids": ["x"]}, {"filter": {"colour": "red"}}):
        assert post(client, f"{PATH}/replay", key, **body)[0] == 422, body
    assert post(client, f"{PATH}/discard", key, ids=[1], reason=" ")[0] == 422
    stranger = make_key(platform, make_account(platform, "stranger@example.com"))
    mine = [item["id"] for item in get(client, PATH, key)["items"]]
    for path, more in (("replay", {}), ("discard", {"reason": "mine now"})):
        status, problem = post(client, f"{PATH}/{path}", stranger, ids=mine, **more)
        assert (status, problem["code"]) == (404, "dead_letter_not_found")
    reader = make_key(platform, make_account(platform, "reader@example.com"), "read")
    assert post(client, f"{PATH}/replay", reader, filter={})[0] == 403


@pytest.mark.usefixtures("letters")
def test_discarded_letters_say_why(client: FlaskClient, key: dict[str, str]) -> None:
    chosen = get(client, f"{PATH}?limit=2", key)["items"]
    ids = [item["id"] for item in chosen]
    assert post(client, f"{PATH}/discard", key, ids=ids, reason="test data")[1]["discarded"] == 2
    resolved = get(client, f"{PATH}?state=resolved", key)["items"]
    assert {item["resolution"] for item in resolved} == {"discarded: test data"}


@pytest.mark.usefixtures("letters")
def test_the_panel_shows_uncertain_sends_apart(client: FlaskClient) -> None:
    sign_in(client)
    assert client.get("/panel/dead-letters").status_code == 200
    waiting = client.get("/panel/live/dead-letters").json or {}
    uncertain = client.get("/panel/live/dead-letters?view=uncertain").json or {}
    assert waiting["counts"] == {"open": 5, "uncertain": 1, "replaying": 0}
    assert {letter["kind"] for letter in waiting["letters"]} == {"update"}
    assert [(letter["kind"], letter["bot"]) for letter in uncertain["letters"]] == [("send", "trial_bot")]
    odd = client.get("/panel/live/dead-letters?view=x&kind=y&bot_id=%C2%B2&fingerprint=z")
    assert odd.status_code == 200


@pytest.mark.usefixtures("letters")
def test_the_command_line_lists_shows_replays_and_discards(app: Flask, account: Account) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=["dead-letters", *arguments])
        return result.exit_code, result.output

    email = account.email
    assert len(run("list", email)[1].splitlines()) == 5
    assert "uncertain" in run("list", email, "--uncertain")[1]
    number = run("list", email, "--kind", "update")[1].split()[0]
    assert '"timeline"' in run("show", email, number)[1]
    assert run("show", email, "987654")[0] == 1
    assert run("replay", email)[0] == 2
    assert run("replay", email, "1", "--all")[0] == 2
    assert "4 would be replayed" in run("replay", email, "--all", "--dry-run")[1]
    assert "1 may have arrived" in run("replay", email, "--all", "--dry-run")[1]
    assert "1 are replayed" in run("replay", email, number)[1]
    assert run("discard", email, "--all")[0] == 2
    assert "1 are discarded" in run("discard", email, "--all", "--uncertain", "--reason", "arrived")[1]
