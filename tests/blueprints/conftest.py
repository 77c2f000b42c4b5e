"""The web application on a fresh platform, and a client of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from blueprints.redirects import REDIRECTOR, redirector
from models import Account, Bot
from services.platform.platform import Platform
from services.traffic.clicks.redirect import Redirector
from tests.blueprints.contract import contract_of, exchange_of
from tests.blueprints.people import make_key
from tests.blueprints.visiting import PERSON
from tools.servers.fleet import add_bot


@pytest.fixture
def app(platform: Platform) -> Iterator[Flask]:
    """The application; nothing runs behind it but what its first click starts, and that ends with the test."""
    app = create_app(platform)
    yield app
    if REDIRECTOR in app.extensions:
        app.extensions[REDIRECTOR].stop()


@pytest.fixture(autouse=True)
def _contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request of every test here is held against the API's own document."""
    plain = FlaskClient.open

    def checked(client: FlaskClient, *args: Any, **kwargs: Any) -> TestResponse:
        answer = plain(client, *args, **kwargs)
        if answer.request.path.startswith("/api/"):
            contract = contract_of(client.application)
            sent = json.dumps(kwargs["json"]) if "json" in kwargs else kwargs.get("data")
            assert contract.breaches(exchange_of(answer.request.method, answer, sent)) == []
        return answer

    monkeypatch.setattr(FlaskClient, "open", checked)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client()


@pytest.fixture
def road(app: Flask) -> Redirector:
    """The redirector behind the application, not yet started; ended with the test."""
    with app.app_context():
        return redirector()


@pytest.fixture
def visitor(app: Flask, road: Redirector) -> FlaskClient:
    """A person's browser that keeps no cookies."""
    client = app.test_client(use_cookies=False)
    client.environ_base["HTTP_USER_AGENT"] = PERSON
    return client


@pytest.fixture
def bot(platform: Platform) -> Bot:
    """A bot called Loja, of an account of its own."""
    bot = add_bot(platform, {"id": 7001, "username": "shop_bot", "token": "7001:" + "A" * 35})
    with platform.database.transaction() as session:
        session.get_one(Bot, bot.id).name = "Loja"
    return bot


@pytest.fixture
def key(platform: Platform, bot: Bot) -> dict[str, str]:
    """Headers with a key of that account."""
    with platform.database.reading() as session:
        return make_key(platform, session.get_one(Account, bot.account_id))
