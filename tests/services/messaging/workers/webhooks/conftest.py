"""Programs whose webhooks are on this machine."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from services.core.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An admin allows webhooks on loopback."""
    return settings.model_copy(update={"worker_webhook_networks": (ip_network("127.0.0.0/8"),)})
