"""Settings of how long each kind of data is kept. What is not named in them is kept while its bot, pool or account is."""

from __future__ import annotations

from pydantic import Field

from services.core.setting_types import SettingsPart


class RetentionSettings(SettingsPart):
    """A part of `Settings`."""

    clicks_retention_days: int = Field(
        180, ge=180, description="days single clicks are kept; the counts made of them stay for good"
    )
    events_retention_days: int = Field(
        365,
        ge=180,
        description="days of what happened are kept: changes of bots' health, times without checks, waves that are over, notifications",
    )
    leads_retention_days: int = Field(
        0,
        ge=0,
        description="days after which somebody who has not turned to a bot is deleted with what is kept of them there; 0 = never",
    )
    dead_letters_retention_days: int = Field(90, ge=1, description="days a settled dead letter is kept")
    messages_retention_days: int = Field(
        90, ge=1, description="days messages are kept of bots that keep them for the inbox"
    )
    access_log_retention_days: int = Field(
        30, ge=1, description="days the files of the access log are kept on each machine"
    )
