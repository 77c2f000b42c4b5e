"""Configuration of Meta's Conversions API."""

from __future__ import annotations

from pydantic import Field

from services.traffic.postbacks.drivers.driver import NetworkConfig


class MetaConfig(NetworkConfig):
    """A dataset (pixel) and what its events are called; without a name of its own a goal keeps its own."""

    pixel_id: str = Field(pattern=r"^[0-9]{5,20}$")
    names: dict[str, str] = Field(
        default_factory=lambda: {
            "purchase": "Purchase",
            "lead": "Lead",
            "start": "Contact",
            "click": "ViewContent",
        },
        max_length=50,
        description="event names by goal, and by `start` and `click`",
    )
    test_event_code: str = Field(
        "", max_length=40, description="of Meta's page of test events; for the test alone"
    )
