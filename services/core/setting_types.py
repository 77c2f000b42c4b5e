"""The types of settings beside the plain ones, and how their text is read."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_settings import NoDecode


class AppEnv(StrEnum):
    DEV = "dev"
    TEST = "test"
    PROD = "prod"


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


def _without_slash(value: Any) -> Any:
    return value.rstrip("/") if isinstance(value, str) else value


def _http_url(value: str) -> str:
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
        raise ValueError("must be an http:// or https:// address")
    return value


def _known_redis(value: str) -> str:
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return value


def in_upper_case(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _checked_address(value: str) -> str:
    try:
        return str(ip_address(value)) if value else value
    except ValueError:
        raise ValueError("must be an IP address of this machine, such as 127.0.0.1") from None


def _known_database(value: str) -> str:
    if not value:
        return value
    from services.core.database_url import is_database_url  # noqa: PLC0415 - SQLAlchemy, which not all need at once

    if not is_database_url(value):
        raise ValueError("must look like postgresql://user:password@host:5432/name or sqlite:////path/file")
    return value


def _known_mail_server(value: SecretStr) -> SecretStr:
    url = urlsplit(value.get_secret_value())
    if url.geturl() and (url.scheme not in {"smtp", "smtps"} or not url.hostname):
        raise ValueError("must begin with smtp:// or smtps:// and name a host")
    return value


Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]
BindAddress = Annotated[str, AfterValidator(_checked_address)]
RedisUrl = Annotated[str, AfterValidator(_known_redis)]
BaseUrl = Annotated[str, BeforeValidator(_without_slash), AfterValidator(_http_url)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_keys)]
DatabaseUrl = Annotated[str, AfterValidator(_known_database)]
MailServer = Annotated[SecretStr, AfterValidator(_known_mail_server)]
