"""Flask's session cookie with a signer that is made once."""

from __future__ import annotations

import pytest
from flask import Flask, session
from flask.testing import FlaskClient

from web.session_cookie import SessionCookie


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    app.secret_key = "only for this test"
    app.session_interface = SessionCookie()
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.add_url_rule("/write/<text>", "write", lambda text: session.update(text=text) or "")
    app.add_url_rule("/read", "read", lambda: session.get("text", "nothing"))
    app.add_url_rule("/clear", "clear", lambda: session.clear() or "")  # type: ignore[func-returns-value]
    app.add_url_rule("/other", "other", lambda: "")
    return app.test_client()


def test_what_is_written_is_read_until_it_is_cleared(client: FlaskClient) -> None:
    assert client.get("/read").text == "nothing"
    assert client.get("/write/a").headers["Vary"] == "Cookie"
    assert client.get("/read").text == "a"
    client.get("/clear")
    assert client.get("/read").text == "nothing"
    assert client.get_cookie("session") is None


def test_a_request_that_does_not_look_at_the_session_is_answered_without_it(client: FlaskClient) -> None:
    for _ in range(2):
        answer = client.get("/other")
        assert {"Set-Cookie", "Vary"}.isdisjoint(answer.headers.keys())
        client.get("/write/a")


@pytest.mark.parametrize("cookie", ["x", "eyJ0ZXh0IjoiYSJ9.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"])
def test_a_cookie_that_was_not_signed_here_is_nothing(client: FlaskClient, cookie: str) -> None:
    client.set_cookie("session", cookie)
    assert client.get("/read").text == "nothing"


def test_the_signer_is_made_once(client: FlaskClient) -> None:
    interface = client.application.session_interface
    client.get("/write/a")
    first = interface.get_signing_serializer(client.application)  # type: ignore[attr-defined]
    client.get("/read")
    assert interface.get_signing_serializer(client.application) is first  # type: ignore[attr-defined]
