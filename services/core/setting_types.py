"""The types of settings beside the plain ones, and how their text is read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr
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


def in_upper_case(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


BaseUrl = Annotated[str, BeforeValidator(_without_slash)]
Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_keys)]
