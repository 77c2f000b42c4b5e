"""Settings of postbacks to ad networks."""

from __future__ import annotations

from pydantic import Field

from services.core.setting_types import SettingsPart


class PostbackSettings(SettingsPart):
    """A part of `Settings`."""

    meta_api_url: str = Field(
        "https://graph.facebook.com/v25.0",
        pattern=r"^https?://[^\s{}]+[^/\s]$",
        description="where Meta's Conversions API is called, with its version",
    )
    tiktok_api_url: str = Field(
        "https://business-api.tiktok.com/open_api/v1.3",
        pattern=r"^https?://[^\s{}]+[^/\s]$",
        description="where TikTok's Events API is called, with its version",
    )
    postback_deliveries_retention_days: int = Field(
        30, ge=1, description="days the log of postbacks is kept, and that of payment providers' calls"
    )
