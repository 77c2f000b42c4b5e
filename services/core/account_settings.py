"""Settings of what an account may have and must have, and of the files that people send to its bots."""

from __future__ import annotations

from pydantic import Field

from services.core.key_settings import KeySettings
from services.core.setting_types import ScannerAddress
from services.core.switch_settings import SwitchSettings


class AccountSettings(KeySettings, SwitchSettings):
    """A part of `Settings`."""

    quota_bots: int = Field(500, ge=0, description="bots of an account; 0 = no limit, as for all quotas")
    quota_pools: int = Field(500, ge=0, description="pools an account may have")
    quota_slugs: int = Field(2000, ge=0, description="slugs of an account, former ones included")
    quota_api_keys: int = Field(50, ge=0, description="API keys in force an account may have")
    quota_destinations: int = Field(50, ge=0, description="destinations of notifications an account may have")
    quota_experiments: int = Field(500, ge=0, description="experiments of an account, ended ones included")
    quota_flows: int = Field(200, ge=0, description="flows an account may have")
    quota_files_mb: int = Field(
        1024, ge=0, description="MB (2^20 bytes) of files that people may have sent to the bots of an account"
    )
    quota_media_mb: int = Field(
        1024, ge=0, description="MB (2^20 bytes) of files an account may have in its media library"
    )
    files_retention_days: int = Field(
        0, ge=0, description="days such a file is kept; 0 = until somebody deletes it, its bot or its account"
    )
    audit_retention_days: int = Field(
        365, ge=180, description="days the trail of who did what is kept; at least 180"
    )
    require_totp_for_admins: bool = Field(
        False,
        description="`on` lets admins into the panel with two-step sign-in only; who has none can only set it up",
    )
    clamav_address: ScannerAddress = Field(
        "",
        description="virus scanner (clamd) that looks at each such file and those of media libraries, `host:3310` or the path of its "
        "socket; set, a file that it cannot look at is refused. Empty means none",
    )
