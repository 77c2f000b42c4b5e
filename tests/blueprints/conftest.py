"""The web application on a fresh platform, and a client of it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.platform import Platform


@pytest.fixture
def app(platform: Platform) -> Flask:
    """The application; nothing runs behind it."""
    return create_app(platform)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client()
