"""Experiments and rules over the REST API: what is accepted, and with which code everything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.platform.platform import Platform
from tests.blueprints.people import caller_of, make_account, make_key
from tests.services.fleet.pools import fleet
from tools.servers.sandbox import wait_until

EXPERIMENTS = "/api/v1/experiments"
POOLS = "/api/v1/redirect-pools"
PHONES = {"devices": ["phone"]}


@pytest.fixture
def key(platform: Platform) -> dict[str, str]:
    return make_key(platform, make_account(platform))


@pytest.fixture
def pools(client: FlaskClient, key: dict[str, str]) -> list[int]:
    """Three pools of the key's account."""
    return [new_pool(client, key, f"pool-{number}") for number in range(3)]


def new_pool(client: FlaskClient, key: dict[str, str], slug: str) -> int:
    made = client.post(POOLS, json={"name": slug, "slug": slug}, headers=key).get_json()
    return int(made["id"])


def halves(*pool_ids: int) -> list[dict[str, int]]:
    return [{"pool_id": pool_id, "percent": 50} for pool_id in pool_ids]


def make(client: FlaskClient, key: dict[str, str], pools: list[int], **fields: Any) -> Any:
    body = {"name": "Two bots", "pool_id": pools[0], "arms": halves(*pools[:2]), **fields}
    return client.post(EXPERIMENTS, json=body, headers=key)


def test_an_experiment_is_made_started_compared_stopped_and_deleted(
    client: FlaskClient, key: dict[str, str], pools: list[int]
) -> None:
    made = make(client, key, pools, goal_tag="paid")
    assert (made.status_code, made.get_json()["is_active"]) == (201, False)
    one = made.headers["Location"]
    assert client.patch(one, json={"arms": halves(pools[0], pools[2])}, headers=key).status_code == 200
    started = client.post(f"{one}/start", headers=key).get_json()
    assert started["is_active"]
    assert started["started_at"]
    assert [arm["pool_id"] for arm in started["arms"]] == [pools[0], pools[2]]
    results = client.get(f"{one}/results", headers=key).get_json()
    assert results["arms"][0]["starts"] == {
        "count": 0,
        "rate": None,
        "low": 0.0,
        "high": 100.0,
        "against_control": None,
    }
    assert results["warnings"] == ["too_few"]
    assert client.post(f"{one}/stop", headers=key).get_json()["ended_at"]
    assert [item["name"] for item in client.get(EXPERIMENTS, headers=key).get_json()["items"]] == ["Two bots"]
    assert client.delete(one, headers=key).status_code == 204
    assert client.get(one, headers=key).get_json()["code"] == "experiment_not_found"


@pytest.mark.parametrize(
    ("parts", "code", "field"),
    [
        ([(0, 50), (1, 40)], "percent_not_100", "arms"),
        ([(0, 60), (1, 60)], "percent_not_100", "arms"),
        ([(0, 99)], "arms_too_few", "arms"),
        ([], "arms_too_few", "arms"),
        ([(1, 50), (1, 50)], "arm_twice", "arms"),
        ([(0, 100), (1, 0)], "invalid_input", "arms.0.percent"),
    ],
)
def test_a_split_that_is_none_is_refused(
    client: FlaskClient,
    key: dict[str, str],
    pools: list[int],
    parts: list[tuple[int, int]],
    code: str,
    field: str,
) -> None:
    arms = [{"pool_id": pools[index], "percent": percent} for index, percent in parts]
    refused = make(client, key, pools, arms=arms)
    assert (refused.status_code, refused.get_json()["code"], refused.get_json()["field"]) == (
        422,
        code,
        field,
    )
    assert client.get(EXPERIMENTS, headers=key).get_json()["items"] == []


def test_a_pool_that_is_not_there_or_somebody_else_s_is_not_found(
    client: FlaskClient, platform: Platform, key: dict[str, str], pools: list[int]
) -> None:
    stranger = make_key(platform, make_account(platform, "two@example.com"))
    foreign = new_pool(client, stranger, "foreign")
    for other in (foreign, 987654):
        refused = make(client, key, pools, arms=halves(pools[0], other))
        assert (refused.status_code, refused.get_json()["code"]) == (404, "pool_not_found")
        rules = {"rules": [{"conditions": PHONES, "target_pool_id": other}]}
        refused = client.put(f"{POOLS}/{pools[0]}/rules", json=rules, headers=key)
        assert (refused.status_code, refused.get_json()["code"]) == (404, "pool_not_found")


def test_links_that_send_to_each_other_are_refused(
    client: FlaskClient, key: dict[str, str], pools: list[int]
) -> None:
    there = {"rules": [{"conditions": PHONES, "target_pool_id": pools[1]}]}
    assert client.put(f"{POOLS}/{pools[0]}/rules", json=there, headers=key).status_code == 200
    back = {"rules": [{"conditions": PHONES, "target_pool_id": pools[0]}]}
    refused = client.put(f"{POOLS}/{pools[1]}/rules", json=back, headers=key)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "routing_circle")
    assert refused.get_json()["field"] == "rules.0.target_pool_id"
    refused = make(client, key, pools, pool_id=pools[1], arms=halves(pools[0], pools[1]))
    assert (refused.status_code, refused.get_json()["code"]) == (422, "routing_circle")


def test_a_link_has_one_running_experiment_and_its_arms_stand_once_it_ran(
    client: FlaskClient, key: dict[str, str], pools: list[int]
) -> None:
    first, second = (make(client, key, pools).headers["Location"] for _ in range(2))
    assert client.post(f"{first}/start", headers=key).status_code == 200
    assert client.post(f"{first}/start", headers=key).status_code == 200  # again: nothing happens
    refused = client.post(f"{second}/start", headers=key)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "experiment_running")
    refused = client.delete(f"{POOLS}/{pools[1]}", headers=key)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "pool_in_experiment")
    client.post(f"{first}/stop", headers=key)
    refused = client.patch(first, json={"arms": halves(pools[0], pools[2])}, headers=key)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "experiment_started")
    assert client.patch(first, json={"name": "Renamed"}, headers=key).get_json()["name"] == "Renamed"
    assert client.post(f"{second}/start", headers=key).status_code == 200
    assert client.post(f"{second}/stop", headers=key).status_code == 200
    assert client.delete(f"{POOLS}/{pools[1]}", headers=key).status_code == 204
    refused = client.post(f"{first}/start", headers=key)  # one of its arms is gone
    assert (refused.status_code, refused.get_json()["code"]) == (422, "arms_too_few")


@pytest.mark.parametrize(
    ("conditions", "code", "field"),
    [
        ({}, "rule_without_condition", "rules.0.conditions"),
        ({"countries": ["Brazil"]}, "invalid_input", "rules.0.conditions.countries.0"),
        ({"countries": []}, "invalid_input", "rules.0.conditions.countries"),
        ({"schedule": {"tz": "Mars/Olympus"}}, "invalid_input", "rules.0.conditions.schedule.tz"),
        ({"schedule": {"begin": "25:00"}}, "invalid_input", "rules.0.conditions.schedule.begin"),
        ({"colour": "red"}, "invalid_input", "rules.0.conditions.colour"),
    ],
)
def test_a_condition_that_is_none_is_refused_and_the_list_stays(
    client: FlaskClient, key: dict[str, str], pools: list[int], conditions: Any, code: str, field: str
) -> None:
    path = f"{POOLS}/{pools[0]}/rules"
    good = {"rules": [{"conditions": PHONES, "target_pool_id": pools[1]}]}
    before = client.put(path, json=good, headers=key).get_json()
    bad = {"rules": [{"conditions": conditions, "target_pool_id": pools[1]}]}
    refused = client.put(path, json=bad, headers=key)
    assert (refused.status_code, refused.get_json()["code"], refused.get_json()["field"]) == (
        422,
        code,
        field,
    )
    assert client.get(path, headers=key).get_json() == before


def test_a_running_process_heeds_a_new_rule_at_once_and_an_ended_one_no_more(
    client: FlaskClient, visitor: FlaskClient, platform: Platform
) -> None:
    account = make_account(platform)
    key, owner = make_key(platform, account), caller_of(account)
    here, there = fleet.new_pool(platform, owner, "here", 1), fleet.new_pool(platform, owner, "there", 1)
    path = f"{POOLS}/{here.id}/rules"
    rules = [{"conditions": {"query": {"utm_source": "fb"}}, "target_pool_id": there.id}]

    def bot() -> str:
        return visitor.get("/go/here?utm_source=fb").location.partition("?start=")[0]

    own = bot()
    assert client.put(path, json={"rules": rules}, headers=key).status_code == 200
    wait_until(lambda: bot() != own)
    assert client.put(path, json={"rules": []}, headers=key).status_code == 200
    wait_until(lambda: bot() == own)


def test_a_list_of_rules_is_replaced_as_a_whole_or_not_at_all(
    client: FlaskClient, key: dict[str, str], pools: list[int]
) -> None:
    path = f"{POOLS}/{pools[0]}/rules"
    night = {"schedule": {"begin": "22:00", "end": "06:00", "tz": "America/Sao_Paulo", "days": [5, 6]}}
    rules = [
        {"conditions": PHONES, "target_pool_id": pools[1]},
        {"conditions": night, "target_pool_id": pools[2], "is_active": False},
    ]
    items = client.put(path, json={"rules": rules}, headers=key).get_json()["items"]
    assert [item["target_pool_id"] for item in items] == pools[1:]
    assert items[1]["conditions"]["schedule"]["days"] == [5, 6]
    turned = client.put(path, json={"rules": items[::-1]}, headers=key).get_json()["items"]
    assert turned == items[::-1]
    for wrong, status, code in (
        ([{**items[0], "id": 987654}], 404, "rule_not_found"),
        ([items[0], items[0]], 422, "rule_twice"),
        ([items[0], {**items[1], "target_pool_id": 987654}], 404, "pool_not_found"),
    ):
        refused = client.put(path, json={"rules": wrong}, headers=key)
        assert (refused.status_code, refused.get_json()["code"]) == (status, code)
    assert client.get(path, headers=key).get_json()["items"] == turned
    assert client.put(path, json={"rules": []}, headers=key).get_json()["items"] == []
