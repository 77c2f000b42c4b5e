"""The OpenAPI document is one, and what it says of a route hangs on what the route declares. That requests and answers
are as it says is held in every test of this folder (`contract.py`)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import Field
from werkzeug.test import Client

from blueprints.api.body import Body, Page, listing
from blueprints.api.openapi import openapi
from blueprints.api.operation import Created, operation, operation_of
from services.core.answer_types import Listing, Moment
from services.platform.accounts.principal import Scope
from tests.blueprints.contract import contract_of, exchange_of
from web.access import api, public

HTML = "/api/v1/docs"


@pytest.fixture
def document(client: FlaskClient, served: list[str]) -> dict[str, Any]:
    """What the application serves: made and asked for once, as it is the same for every test."""
    if not served:
        answer = client.get("/api/v1/openapi.json")
        assert answer.status_code == 200
        served.append(answer.text)
    found: dict[str, Any] = json.loads(served[0])
    return found


@pytest.fixture(scope="module")
def served() -> list[str]:
    return []


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["operationId"]: each for path in document["paths"].values() for each in path.values()}


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_route_of_the_api_is_declared_and_described(app: Flask, document: dict[str, Any]) -> None:
    undeclared, missing = [], []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and rule.rule != HTML:
            if operation_of(app.view_functions[rule.endpoint]) is None:
                undeclared.append(rule.rule)
            path = re.sub(
                r"<(?:int:)?(\w+)>", r"{\1}", rule.rule.replace("/api/redirect", "/api/v1/redirect")
            )
            methods = {method.lower() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
            if not methods <= set(document["paths"].get(path, {})):
                missing.append(rule.rule)
    assert (undeclared, missing) == ([], [])


def test_every_operation_has_a_name_of_its_own_and_a_sentence(document: dict[str, Any]) -> None:
    assert len(operations(document)) == sum(len(path) for path in document["paths"].values())
    assert all(each["summary"].endswith((".", "`", ")")) for each in operations(document).values())


def test_an_answer_is_described_to_its_last_field(document: dict[str, Any]) -> None:
    """Free JSON stands where it is meant to, and nowhere else."""
    free = {
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, each in schema.get("properties", {}).items()
        if each.get("additionalProperties") is True or each == {} or each.get("items") == {}
    }
    assert free == {
        "AuditView.details",
        "BotEventView.details",
        "BotMade.capabilities",
        "BotResource.capabilities",
        "BotView.capabilities",
        "BroadcastView.audience",
        "HappeningView.details",
        "SegmentView.conditions",
        "Checked.document",
        "ChosenPlugin.config",
        "ClickView.params",
        "Configured.config",
        "Draft.document",
        "FieldView.choices",
        "LetterWholeView.payload",
        "MadePostbackView.config",
        "NewPostback.config",
        "NotificationView.params",
        "Plugin.config",
        "PluginDescription.schema",
        "PluginView.config",
        "PostbackView.config",
        "RuleView.conditions",
        "Script.document",
        "TextTest.config",
        "WholeFlowView.draft",
        "WholeVersionView.document",
        "WorkView.update",
        "WorkerCall.params",
        "WorkerSend.params",
    }


def test_programs_that_make_classes_of_the_titles_get_one_for_each_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {schema["title"] for schema in schemas.values()} == set(schemas)


def test_a_change_sends_no_defaults_of_what_it_leaves_out(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        if "patch" in path:
            schema = path["patch"]["requestBody"]["content"]["application/json"]["schema"]
            changed = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert not any("default" in field for field in changed["properties"].values())
            assert "required" not in changed


def test_lists_tell_their_paging_routes_their_scope_and_posts_their_repetition(
    document: dict[str, Any],
) -> None:
    keys = document["paths"]["/api/v1/keys"]
    assert {each["name"] for each in keys["get"]["parameters"]} == {"limit", "cursor"}
    assert keys["get"]["security"][0] == {"key": ["read"]}
    assert [each["name"] for each in keys["post"]["parameters"]] == ["Idempotency-Key"]
    assert keys["post"]["responses"]["429"] == {"$ref": "#/components/responses/RateLimited"}
    assert "Retry-After" in document["components"]["responses"]["RateLimited"]["headers"]
    assert "Idempotency-Key" not in str(keys["get"])


class Thing(Body):
    name: str = Field(max_length=3)


def trial_app(view: Any, path: str = "/things/<int:thing_id>", method: str = "POST") -> Flask:
    """An application with one route under /api/v1."""
    app = Flask(__name__)
    blueprint = Blueprint("v1", __name__, url_prefix="/api/v1")
    things = Blueprint("things", __name__)
    things.add_url_rule(path, "act", view, methods=[method])
    blueprint.register_blueprint(things)
    app.register_blueprint(blueprint)
    return app


def test_a_declaration_is_what_parses_answers_and_is_described() -> None:
    seen: list[Any] = []

    @api(Scope.WRITE)
    @operation(errors=(502,))
    def view(thing_id: int, body: Thing, query: Page) -> Created[Listing[Moment]]:
        """Do it.

        At length.
        """
        seen.extend((thing_id, body, query))
        return Created(listing(["2026-11-20T10:00:00Z"]), "/there")

    app = trial_app(view)
    described = operations(openapi(app))["things.act"]
    assert (described["summary"], described["description"]) == ("Do it.", "At length.")
    assert {each["name"] for each in described["parameters"]} == {
        "thing_id",
        "limit",
        "cursor",
        "Idempotency-Key",
    }
    assert set(described["responses"]) - {"default"} == {
        *("201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "502", "503"),
    }
    answer = app.test_client().post("/api/v1/things/7?limit=3", json={"name": "ab"})
    assert (answer.status_code, answer.headers["Location"]) == (201, "/there")
    assert answer.get_json() == {"items": ["2026-11-20T10:00:00Z"], "next": None}
    assert seen == [7, Thing(name="ab"), Page(3)]


def test_whoever_answers_or_takes_something_else_is_found_out() -> None:
    """The contract that holds in every test of this folder can be broken in each of these ways."""
    answers = iter(
        [
            {"items": [], "next": None, "secret": 1},  # a field that nobody declared
            {"items": ["yesterday"], "next": None},  # no moment
            {"items": []},  # a field too little
            Response("<p>", 200, mimetype="text/html"),
            Response("{}", 409, mimetype="application/problem+json"),  # a status that nobody declared
            Response("{}", 422, mimetype="application/problem+json"),  # no problem
        ]
    )

    @public
    @operation()
    def view(body: Thing) -> Listing[Moment]:
        """Answer otherwise."""
        return next(answers)  # type: ignore[return-value]

    app = trial_app(view, "/things")
    contract = contract_of(app)
    for _ in range(6):
        answer = Client(app).post(
            "/api/v1/things", json={"name": "a"}
        )  # held against it below, not on its way
        assert contract.breaches(exchange_of("POST", answer, '{"name": "a"}')) != []
    right = Response('{"items": [], "next": null}', 200, mimetype="application/json")
    answers = iter([right, right])
    answer = Client(app).post("/api/v1/things?more=1", json={"name": "a"})
    assert contract.breaches(exchange_of("POST", answer, '{"name": "a"}')) == [
        "POST /api/v1/things -> 200: the query parameter more is not declared"
    ]
    answer = Client(app).post("/api/v1/things", json={"name": "a"})
    assert len(contract.breaches(exchange_of("POST", answer, '{"name": "abcd", "more": 1}'))) == 2


def test_the_page_shows_every_operation_and_schema_and_loads_nothing_from_elsewhere(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    page = client.get(HTML)
    assert page.status_code == 200
    for name in (*operations(document), *document["components"]["schemas"]):
        assert f'id="{name}"' in page.text
    assert not re.search(r'(?:src|href)="(?!/static/|/texts/|/api/v1/openapi\.json|#)', page.text)
    assert "<script" not in page.text
    anchors, ids = set(re.findall(r'href="#([^"]+)"', page.text)), re.findall(r'id="([^"]+)"', page.text)
    assert anchors <= set(ids)
    assert len(ids) == len(set(ids))
