"""Errors as programs and people see them."""

from __future__ import annotations

import json
import logging

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import Field

from app import create_app
from blueprints.api.body import Body, page, parse, query
from services.core.errors import FlotillaError, InvalidInput, NotFound, RateLimited, Unavailable
from services.core.settings import Settings
from services.platform.platform import Platform
from tests.blueprints.people import csrf_token, make_account, make_key, sign_in
from web.access import public

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


class Example(Body):
    name: str = Field(min_length=2)
    numbers: list[int] = []  # noqa: RUF012


def serve(app: Flask, path: str, error: Exception) -> FlaskClient:
    """A client of `app`, in which `path` now fails with `error`."""

    @public
    def view() -> str:
        raise error

    app.add_url_rule(path, path, view)
    return app.test_client()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("Too long", field="name"), 422, "invalid_input"),
        (NotFound("There is no such bot", code="bot_not_found"), 404, "bot_not_found"),
        (RateLimited("Slow down", retry_after=2.2), 429, "rate_limited"),
        (Unavailable("Redis does not answer"), 503, "unavailable"),
    ],
)
def test_under_api_an_error_is_a_problem_document(
    app: Flask, error: FlotillaError, status: int, code: str
) -> None:
    answer = serve(app, "/api/v1/failing", error).get("/api/v1/failing")
    problem = json.loads(answer.data)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert (problem["status"], problem["code"], problem["detail"]) == (status, code, error.message)
    assert problem.get("field") == error.field
    assert set(problem) >= {"type", "title"}


def test_how_long_to_wait_is_a_header_in_whole_seconds(app: Flask) -> None:
    client = serve(app, "/api/v1/failing", RateLimited("Slow down", retry_after=2.2))
    answer = client.get("/api/v1/failing")
    assert (answer.headers["Retry-After"], json.loads(answer.data)["retry_after"]) == ("3", 3)
    away = serve(create_app(Platform(app.extensions["flotilla"].settings)), "/x", Unavailable("Away")).get(
        "/x"
    )
    assert int(away.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("No such page"), 404),
        (InvalidInput("Bad"), 422),
        (RateLimited("Slow down", retry_after=3), 429),
        (Unavailable("Away", code="database_unavailable"), 503),
        (RuntimeError("secret detail"), 500),
    ],
)
@pytest.mark.parametrize("language", ["pt-BR", "en"])
def test_elsewhere_an_error_is_a_page(app: Flask, error: Exception, status: int, language: str) -> None:
    answer = serve(app, "/failing", error).get("/failing", headers={"Accept-Language": language})
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert "<h1>" in answer.text
    assert "secret detail" not in answer.text


def test_a_script_that_asks_for_json_gets_it_everywhere(app: Flask) -> None:
    client = serve(app, "/failing", NotFound("No such thing"))
    assert (
        client.get("/failing", headers={"Accept": "application/json"}).mimetype == "application/problem+json"
    )


def test_the_unexpected_is_told_by_an_id_that_leads_to_the_redacted_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(app, "/api/v1/failing", ZeroDivisionError(f"with {TOKEN} inside"))
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/failing")
    problem = json.loads(answer.data)
    assert (answer.status_code, problem["code"]) == (500, "internal")
    assert "ZeroDivision" not in answer.text
    assert TOKEN not in answer.text
    assert problem["error_id"] == answer.headers["X-Request-Id"]
    assert [problem["error_id"] in record.getMessage() for record in caplog.records] == [True]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("PUT", "/api/v1/keys", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/keys/nothing", 404, "key_not_found"),
        ("DELETE", "/api/v1/keys/%00", 404, "key_not_found"),
    ],
)
def test_the_routing_s_own_errors_look_alike(
    client: FlaskClient, platform: Platform, method: str, path: str, status: int, code: str
) -> None:
    key = make_key(platform, make_account(platform))
    answer = client.open(path, method=method, headers=key)
    assert (answer.status_code, json.loads(answer.data)["code"]) == (status, code)
    if status == 405:
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "code", "field"),
    [
        (b"{}", "text/plain", 415, "json_expected", None),
        (b"{", "application/json", 422, "json_expected", None),
        (b"", "application/json", 422, "json_expected", None),
        (b"[1]", "application/json", 422, "json_expected", None),
        (b'{"name": "\xff"}', "application/json", 422, "json_expected", None),
        (b"{}", "application/json", 422, "invalid_input", "name"),
        (b'{"name": "x"}', "application/json", 422, "invalid_input", "name"),
        (b'{"name": "xx", "more": 1}', "application/json", 422, "invalid_input", "more"),
        (b'{"name": "xx", "numbers": [1, "a"]}', "application/json", 422, "invalid_input", "numbers.1"),
        (b'{"name": "x\\u0000x"}', "application/json", 422, "invalid_input", "name"),
        (b'{"name": "x\\ud800x"}', "application/json", 422, "invalid_input", "name"),
        (b'{"name": "' + b"x" * 1_100_000 + b'"}', "application/json", 413, "too_large", None),
        (b'{"name": "xx", "numbers": [1e400]}', "application/json", 422, "invalid_input", "numbers"),
        (b'{"name": "xx", "numbers": [NaN]}', "application/json", 422, "invalid_input", "numbers"),
        (
            b'{"name": "xx", "numbers": [9223372036854775808]}',
            "application/json",
            422,
            "invalid_input",
            "numbers",
        ),
        (b'{"name": ' + b"9" * 5000 + b"}", "application/json", 422, "json_expected", None),
        (b'{"name": ' + b"[" * 900 + b"]" * 900 + b"}", "application/json", 422, "invalid_input", "name"),
        (b"[" * 100_000, "application/json", 422, "json_expected", None),
    ],
)
def test_a_body_that_is_not_what_was_asked_for_is_refused_by_name(
    app: Flask, platform: Platform, body: bytes, kind: str, status: int, code: str, field: str | None
) -> None:
    make_account(platform)
    app.post("/api/v1/example")(public(lambda: parse(Example).model_dump()))
    client = app.test_client()
    token = {"X-CSRFToken": csrf_token(client)}
    answer = client.post("/api/v1/example", data=body, content_type=kind, headers=token)
    problem = json.loads(answer.data)
    assert (answer.status_code, problem["code"], problem.get("field")) == (status, code, field)


def test_a_refused_value_is_not_repeated(app: Flask, platform: Platform) -> None:
    make_account(platform)
    app.post("/api/v1/example")(public(lambda: parse(Example).model_dump()))
    client = app.test_client()
    token = {"X-CSRFToken": csrf_token(client)}
    answer = client.post("/api/v1/example", json={"name": "ok", "numbers": [TOKEN]}, headers=token)
    assert (answer.status_code, TOKEN in answer.text) == (422, False)


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ("", 200),
        ("limit=200&cursor=7", 200),
        ("limit=201", 422),
        ("limit=0", 422),
        ("limit=-1", 422),
        ("limit=x", 422),
        ("limit=²", 422),
        ("cursor=99999999999999999999", 422),
    ],
)
def test_pages_of_a_list_are_asked_for_in_bounds(app: Flask, parameters: str, status: int) -> None:
    app.get("/api/v1/example")(public(lambda: {"limit": page().limit}))
    assert app.test_client().get(f"/api/v1/example?{parameters}").status_code == status


def test_query_parameters_are_checked_like_a_body(app: Flask) -> None:
    app.get("/api/v1/example")(public(lambda: query(Example).model_dump()))
    client = app.test_client()
    assert client.get("/api/v1/example?name=abc").json == {"name": "abc", "numbers": []}
    assert client.get("/api/v1/example?name=abc&more=1").status_code == 422


def test_keys_are_listed_page_by_page(client: FlaskClient, platform: Platform) -> None:
    account = make_account(platform)
    key = make_key(platform, account)
    for _ in range(2):
        make_key(platform, account)
    first = client.get("/api/v1/keys?limit=2", headers=key).json
    assert first is not None
    rest = client.get(f"/api/v1/keys?limit=2&cursor={first['next']}", headers=key).json
    assert rest is not None
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


def test_without_the_database_pages_say_so_instead_of_failing(settings: Settings, platform: Platform) -> None:
    make_account(platform)
    client = create_app(platform).test_client()
    sign_in(client)
    cookie = client.get_cookie("flotilla")
    assert cookie is not None
    away = Platform(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))
    lost = create_app(away).test_client()
    lost.set_cookie("flotilla", cookie.value)
    answer = lost.get("/panel/account", headers={"Accept-Language": "en"})
    assert (answer.status_code, "database does not answer" in answer.text) == (503, True)
    assert "Retry-After" in answer.headers
    assert lost.get("/api/v1/keys").status_code == 503
