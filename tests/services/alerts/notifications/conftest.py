"""An owner and the places where his notifications arrive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.platform.platform import Platform
from tests.services.alerts.notifications.world import Owner, make_owner
from tools.servers.receivers import Mailbox, Receiver, http_receiver, smtp_server


@pytest.fixture
def owner(platform: Platform) -> Owner:
    """An owner with a pool of one bot."""
    return make_owner(platform)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running webhook receiver."""
    with http_receiver() as running:
        yield running


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A running mail server."""
    with smtp_server() as running:
        yield running
