"""The OpenAPI document says what the routes do."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.routing import Rule

from blueprints.api.openapi import VARIABLE


def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def test_every_route_of_the_api_is_described(client: FlaskClient) -> None:
    paths = document(client)["paths"]
    rules: list[Rule] = list(client.application.url_map.iter_rules())
    for rule in rules:
        if rule.rule.startswith("/api/v1/"):
            operations = paths[VARIABLE.sub(r"{\g<name>}", rule.rule)]
            assert {method.lower() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}} <= set(
                operations
            )


def test_every_operation_has_a_name_of_its_own_and_a_sentence(client: FlaskClient) -> None:
    operations = [operation for path in document(client)["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_bodies_are_described_and_every_reference_leads_somewhere(client: FlaskClient) -> None:
    found = document(client)
    body = found["paths"]["/api/v1/keys"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema = found["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    assert set(schema["properties"]) == {"name", "scopes", "expires_days"}
    known = set(found["components"]["schemas"])
    assert {ref.rpartition("/")[2] for ref in references(found)} <= known


def test_lists_tell_their_paging_and_routes_their_scope(client: FlaskClient) -> None:
    operation = document(client)["paths"]["/api/v1/keys"]["get"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {"limit", "cursor"}
    assert operation["security"][0] == {"key": ["read"]}


def test_what_can_be_repeated_safely_says_so(client: FlaskClient) -> None:
    keys = document(client)["paths"]["/api/v1/keys"]
    assert [each["name"] for each in keys["post"]["parameters"]] == ["Idempotency-Key"]
    assert "Idempotency-Key" not in str(keys["get"])


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()
