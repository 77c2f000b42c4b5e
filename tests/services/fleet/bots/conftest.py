"""Fixtures of the bots' tests: two accounts."""

from __future__ import annotations

import pytest

from models import Account
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


@pytest.fixture
def owner(platform: Platform) -> Principal:
    """An account's owner."""
    return caller_of(platform, "ana@example.com")


@pytest.fixture
def stranger(platform: Platform) -> Principal:
    """The owner of another account."""
    return caller_of(platform, "rui@example.com")


def caller_of(platform: Platform, email: str) -> Principal:
    """The owner of a new account."""
    with platform.database.transaction() as session:
        account = Account(email=email, password_hash="-")
        session.add(account)
    return Principal(account.id, f"account:{account.id}")
