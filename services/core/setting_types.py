"""The types of settings beside the plain ones, and how their text is read."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.core.setting_urls import checked_base_url, checked_mail_url, checked_redis_url


class SettingsPart(BaseSettings):
    """A part of `Settings`; a schema is made of the whole alone."""

    model_config = SettingsConfigDict(defer_build=True)


class AppEnv(StrEnum):
    DEV = "dev"
    TEST = "test"
    STAGING = "staging"
    PROD = "prod"

    @property
    def is_served(self) -> bool:
        """Whether strangers reach it: a rehearsal of production is guarded like production."""
        return self in (AppEnv.STAGING, AppEnv.PROD)


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def _split_keys(value: Any) -> Any:
    """A comma-separated list of keys, newest first; a `base64:` prefix, as some hosts add, is stripped."""
    if not isinstance(value, str):
        return value
    return tuple(SecretStr(part.strip().removeprefix("base64:")) for part in value.split(",") if part.strip())


def in_upper_case(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def split_list(value: Any) -> Any:
    """The parts of a comma-separated text."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _checked_address(value: str) -> str:
    try:
        return str(ip_address(value)) if value else value
    except ValueError:
        raise ValueError("must be an IP address of this machine, such as 127.0.0.1") from None


def _checked_database(value: str) -> str:
    if value:
        from services.core.database_url import check_database_url  # noqa: PLC0415 - SQLAlchemy, which not all need at once

        check_database_url(value)
    return value


def _checked_mail_server(value: SecretStr) -> SecretStr:
    checked_mail_url(value.get_secret_value())
    return value


def _people(value: Any) -> Any:
    """Numbers of Telegram's people, separated by commas."""
    return split_list(value) if isinstance(value, str) else [value] if isinstance(value, int) else value


def _checked_scanner(value: str) -> str:
    host, _, port = value.rpartition(":")
    if value and not value.startswith("/") and not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(
            "must be host:port, such as 127.0.0.1:3310, or the path of a socket, such as /run/clamav/clamd.ctl"
        )
    return value


# In the type of an address that may have a password in it: such a setting is a secret (services/core/secret_files.py).
CONFIDENTIAL: Final = "may hold a password"

Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(split_list)]
Names = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")], ...],
    NoDecode,
    BeforeValidator(split_list),
]
People = Annotated[tuple[Annotated[int, Field(gt=0)], ...], NoDecode, BeforeValidator(_people)]
BindAddress = Annotated[str, AfterValidator(_checked_address)]
RedisUrl = Annotated[str, AfterValidator(checked_redis_url), CONFIDENTIAL]
BaseUrl = Annotated[str, AfterValidator(checked_base_url)]
ScannerAddress = Annotated[str, AfterValidator(_checked_scanner)]
DatabaseUrl = Annotated[str, AfterValidator(_checked_database), CONFIDENTIAL]
MailUrl = Annotated[SecretStr, AfterValidator(_checked_mail_server)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_keys)]
