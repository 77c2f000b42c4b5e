"""Settings of backups: where they lie, what they are encrypted with, and how many are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from services.core.account_settings import AccountSettings
from services.core.setting_types import BaseUrl


def _checked_store(value: str) -> str:
    if value and not (value.startswith("s3://") and value[5:].partition("/")[0]):
        raise ValueError("must name a bucket and perhaps a folder in it, as s3://bucket/folder")
    return value.rstrip("/")


class BackupSettings(AccountSettings):
    """A part of `Settings`."""

    backup_dir: Path | None = Field(
        None,
        description="folder of backups, and where one is put together; empty means `backups` in DATA_DIR",
    )
    backup_key: SecretStr = Field(
        SecretStr(""),
        description="age identity, `AGE-SECRET-KEY-1…`, that backups are encrypted with; made in DATA_DIR outside production, where "
        "without it no backup is made",
    )
    backup_daily: bool = Field(True, description="whether a backup is made each day and tried out each month")
    backup_keep_daily: int = Field(7, ge=1, description="days of which the last backup is kept")
    backup_keep_weekly: int = Field(4, ge=0, description="weeks of which the last backup is kept")
    backup_keep_monthly: int = Field(6, ge=0, description="months of which the last backup is kept")
    backup_store: Annotated[str, AfterValidator(_checked_store)] = Field(
        "",
        description="S3-compatible store that backups go to instead of BACKUP_DIR, as `s3://bucket/folder`",
    )
    backup_store_endpoint: BaseUrl = Field(
        "", description="address of that store where it is not Amazon's, as `https://s3.example.com`"
    )
    backup_store_region: str = Field("us-east-1", description="region of that store")
    backup_store_key_id: SecretStr = Field(SecretStr(""), description="id of the access key to that store")
    backup_store_secret: SecretStr = Field(SecretStr(""), description="secret of that access key")

    @model_validator(mode="after")
    def _store_is_whole(self) -> Self:
        given = self.backup_store_key_id.get_secret_value() and self.backup_store_secret.get_secret_value()
        if self.backup_store and not given:
            raise ValueError("BACKUP_STORE needs BACKUP_STORE_KEY_ID and BACKUP_STORE_SECRET")
        return self
