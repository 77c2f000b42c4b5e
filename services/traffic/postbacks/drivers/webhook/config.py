"""Configuration of a signed webhook."""

from __future__ import annotations

from pydantic import Field

from services.core.url_safety import LONGEST_URL
from services.traffic.postbacks.drivers.driver import Config


class WebhookConfig(Config):
    """A public https address that gets JSON, signed as notifications are."""

    url: str = Field(min_length=1, max_length=LONGEST_URL)
