"""Many bots in one request of the API, their tags, and the live list that is sent again only when it changed."""

from __future__ import annotations

from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from models import Account, Bot
from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key, sign_in
from tests.services.fleet.pools.fleet import new_bot, new_pool

URL = "/api/v1/bots"


@pytest.fixture
def account(platform: Platform) -> Account:
    return make_account(platform)


@pytest.fixture
def key(platform: Platform, account: Account) -> dict[str, str]:
    return make_key(platform, account)


@pytest.fixture
def bots(platform: Platform, account: Account) -> list[Bot]:
    return [new_bot(platform, caller_of(account)) for _ in range(3)]


def test_each_bot_of_a_request_has_its_result_and_a_repetition_gets_the_same_answer(
    client: FlaskClient, platform: Platform, account: Account, key: dict[str, str], bots: list[Bot]
) -> None:
    pool = new_pool(platform, caller_of(account), "red1", max_bots=2)
    foreign = new_bot(platform, caller_of(make_account(platform, "other@example.com")))
    asked = [bots[0].id, foreign.id, bots[1].public_id, bots[2].id]
    body = {"action": "add_to_pool", "pool_id": pool.id, "bot_ids": asked}
    headers = {**key, "Idempotency-Key": str(uuid4())}
    answer = client.post(f"{URL}/bulk", json=body, headers=headers)
    told = answer.get_json()
    assert (answer.status_code, told["done"], told["refused"]) == (200, 2, 2)
    assert [(item["bot_id"], item["ok"], item["code"]) for item in told["items"]] == [
        (bots[0].id, True, None),
        (foreign.id, False, "bot_not_found"),
        (bots[1].public_id, True, None),
        (bots[2].id, False, "pool_full"),
    ]
    assert told["items"][1]["detail"] == "There is no such bot"
    again = client.post(f"{URL}/bulk", json=body, headers=headers)
    assert (again.get_json(), again.headers["Idempotency-Replayed"]) == (told, "true")
    anew = client.post(f"{URL}/bulk", json=body, headers=key).get_json()["items"]
    assert [item["code"] for item in anew] == [
        "already_member",
        "bot_not_found",
        "already_member",
        "pool_full",
    ]


def test_a_request_that_means_nothing_is_refused_as_a_whole(client: FlaskClient, key: dict[str, str]) -> None:
    for body, status, field in (
        ({"action": "start", "bot_ids": []}, 422, "bot_ids"),
        ({"action": "start", "bot_ids": [1] * 1001}, 422, "bot_ids"),
        ({"action": "explode", "bot_ids": [1]}, 422, "action"),
        ({"action": "drain", "bot_ids": [1]}, 422, "pool_id"),
        ({"action": "tag", "bot_ids": [1], "tag": "x" * 31}, 422, "tag"),
        ({"action": "drain", "bot_ids": [1], "pool_id": 987654}, 404, None),
    ):
        answer = client.post(f"{URL}/bulk", json=body, headers=key)
        named = (answer.get_json().get("field") or "").split(".")[0] or None
        assert (answer.status_code, named) == (status, field), body


def test_tags_are_set_by_themselves_and_taken_off(
    client: FlaskClient, key: dict[str, str], bots: list[Bot]
) -> None:
    here = f"{URL}/{bots[0].id}"
    tags = ["VIP", " black  friday ", "vip"]
    assert client.patch(here, json={"tags": tags}, headers=key).get_json()["tags"] == ["black friday", "vip"]
    assert client.patch(here, json={"name": "Loja"}, headers=key).get_json()["tags"] == [
        "black friday",
        "vip",
    ]
    for wrong, code in ((["x" * 31], "tag_invalid"), ([" "], "tag_invalid")):
        refused = client.patch(here, json={"tags": wrong}, headers=key)
        assert (refused.status_code, refused.get_json()["code"]) == (422, code)
    assert client.patch(here, json={"tags": []}, headers=key).get_json()["tags"] == []


def test_the_live_list_is_left_out_while_nothing_in_it_changed(
    client: FlaskClient, platform: Platform, account: Account, bots: list[Bot]
) -> None:
    sign_in(client)
    url = "/panel/live/bots"
    first = client.get(url).get_json()
    assert [bot["id"] for bot in first["list"]["bots"]] == [bot.id for bot in bots]
    same = client.get(url, query_string={"mark": first["mark"]}).get_json()
    assert (same["mark"], "list" in same, "pools" in same) == (first["mark"], False, False)
    narrower = client.get(url, query_string={"mark": first["mark"], "q": bots[1].username}).get_json()
    assert [bot["id"] for bot in narrower["list"]["bots"]] == [bots[1].id]
    with platform.database.transaction() as session:
        session.merge(bots[0]).tags = ["vip"]
    changed = client.get(url, query_string={"mark": first["mark"]}).get_json()
    assert changed["list"]["tags"] == {"vip": 1}
    assert client.get(url, query_string={"state": "gone"}).status_code == 422
    names = client.get(f"{url}/names").get_json()["bots"]
    assert names == [{"id": bot.id, "username": bot.username, "name": bot.name} for bot in bots]
