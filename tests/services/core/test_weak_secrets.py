"""A production start refuses what could be guessed, and says what to do in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.core.environment import load_settings
from services.core.errors import ConfigurationError

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def environ(folder: Path, secret: str, app_env: str) -> dict[str, str]:
    return {"APP_ENV": app_env, "DATA_DIR": str(folder), "SECRET_KEY": secret, "ENCRYPTION_KEYS": KEY}


@pytest.mark.parametrize("secret", ["a", "a" * 64, "ab" * 32, "password123"])
def test_a_guessable_secret_key_is_refused_in_production(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environ(tmp_path, secret, "prod"))
    assert "SECRET_KEY: too easy to guess" in refused.value.message
    assert load_settings(environ(tmp_path, secret, "dev")).secret_key.get_secret_value() == secret


def test_a_random_one_is_taken(tmp_path: Path) -> None:
    secret = "9f86d081884c7d659a2feaa0c55ad015"
    assert load_settings(environ(tmp_path, secret, "prod")).secret_key.get_secret_value() == secret
