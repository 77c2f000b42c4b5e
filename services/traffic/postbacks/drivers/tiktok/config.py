"""Configuration of TikTok's Events API."""

from __future__ import annotations

from pydantic import Field

from services.traffic.postbacks.drivers.driver import NetworkConfig


class TiktokConfig(NetworkConfig):
    """A pixel and what its events are called; without a name of its own a goal keeps its own."""

    pixel_code: str = Field(pattern=r"^[A-Za-z0-9]{10,40}$")
    names: dict[str, str] = Field(
        default_factory=lambda: {
            "purchase": "CompletePayment",
            "lead": "SubmitForm",
            "start": "Contact",
            "click": "ViewContent",
        },
        max_length=50,
        description="event names by goal, and by `start` and `click`",
    )
    test_event_code: str = Field(
        "", max_length=40, description="of TikTok's page of test events; for the test alone"
    )
