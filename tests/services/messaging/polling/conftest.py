"""The owners of polled bots are those of the bots' own tests."""

from tests.services.fleet.bots.conftest import owner, stranger

__all__ = ["owner", "stranger"]
