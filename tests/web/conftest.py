"""The web frame is tried with the application's own routes."""

from tests.blueprints.conftest import app, client, road, visitor

__all__ = ["app", "client", "road", "visitor"]
