"""What the doctor's tests share: looking at one thing, and the same installation with other settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from services.core.setting_types import AppEnv
from services.operations.doctor.running import diagnose
from services.platform.platform import Platform
from tests.services.operations.doctor.conftest import random_key

SERVED: dict[str, Any] = {
    "app_env": AppEnv.PROD,
    "secret_key": SecretStr(random_key()),
    "telegram_link_url": "https://t.me",
}


def state_of(platform: Platform, name: str, *, fix: bool = False) -> str:
    (result,) = diagnose(platform, [name], fix=fix)
    return result.state


@contextmanager
def changed(platform: Platform, **settings: Any) -> Iterator[Platform]:
    """The same installation with other settings."""
    other = Platform(platform.settings.model_copy(update=settings))
    try:
        yield other
    finally:
        other.database.dispose()
