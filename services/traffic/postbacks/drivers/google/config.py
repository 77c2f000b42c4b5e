"""Configuration of Google's offline conversions."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints, field_validator

from services.core.validation_texts import refusal
from services.traffic.postbacks.drivers.driver import NetworkConfig

ConversionName = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^=+\-@\t\r\n].*$")
]


class GoogleConfig(NetworkConfig):
    """What the conversions are called in Google Ads, by goal; and on which clock their times are written."""

    names: dict[str, ConversionName] = Field(default_factory=dict, max_length=50)
    time_zone: str = Field("America/Sao_Paulo", max_length=64)

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise refusal("time_zone_unknown")
        return zone
