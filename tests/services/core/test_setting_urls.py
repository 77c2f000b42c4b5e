"""Addresses in the environment are read whole at the start, and what is wrong with one is said without any of it."""

from __future__ import annotations

import pytest

from services.core.environment import load_settings
from services.core.errors import ConfigurationError

KEYS = {"SECRET_KEY": "k", "ENCRYPTION_KEYS": "k", "SMTP_FROM": "Flotilla <alerts@example.com>"}
SECRET = "hunter"  # in each wrong value: no message may show it
WRONG = {
    "REDIS_URL": [
        "redis://:57#hunter@h:6379/0",
        "redis://:hunter/cd@h:6379/0",
        "redis://:hunter?cd@h",
        "redis://:hunter@x@h:6379",
        "redis://:hunter[x]@h",
        "redis://:hunter@h:99999",
        "redis://:hunter@h:0",
        "redis://:hunter@h:",
        "redis://h:hunter",
        "redis://:hunter@",
        "redis://:hunter@h o",
        "redis://:hunter@h\n",
        "redis://:hunter@[::1:6379",
        "redis://:hunter@-h-:6379",
        "redis://h/hunter",
        "redis://h/0/hunter",
        "redis://h/0?hunter=1",
        "redis://h/0?db=hunter",
        "redis://h?ssl_cert_reqs=hunter",
        "redis:hunter",
        "valkey://:hunter@h",
        "unix://hunter",
        "hunter",
    ],
    "DATABASE_URL": [
        "postgresql://u:x@hunter@h/d",
        "postgresql://u:hunter@h:99999/d",
        "postgresql://u:hunter@h:port/d",
        "mysql://u:hunter@h/d",
        "sqlite:///:memory:",
        "hunter",
    ],
    "SMTP_URL": [
        "smtp://u:hunter/x@h",
        "smtp://u:hunter#x@h:25",
        "smtp://u:x@hunter@h",
        "smtp://u:hunter@",
        "smtp://u:hunter@h:99999",
        "smtp://u:h@h:hunter",
        "smtp://u:hunter@h/path",
        "smtp://u:h@h?hunter",
        "http://u:hunter@h",
    ],
    "PUBLIC_URL": ["https://example.com:99999", "https://u:hunter@example.com", "https://example.com?hunter", "https://"],
    "WEBHOOK_BASE_URL": ["https://example.com:99999", "https://example.com:8444", "ftp://example.com"],
    "TELEGRAM_API_URL": ["https://hunter:port", "https://exa mple.com", "https:/example.com", "https://example.com#hunter"],
    "TELEGRAM_LINK_URL": ["t.me", "https://t..me", "https://[::1"],
    "BIND": ["127.0.0.1:8000", "hunter", "0.0.0.0/0"],
    "SMTP_FROM": ["hunter", "hunter@", "Hunter <hunter>"],
}  # fmt: skip
RIGHT = {
    "REDIS_URL": [
        "redis://h",
        "redis://:57%23W@h:6379/0",
        "rediss://user:pass@my_redis.example:6380/15",
        "rediss://:p@h?ssl_cert_reqs=none&max_connections=10",
        "redis://:a:b@[::1]:6379/1",
        "redis://:pássword@10.0.0.1/",
        "unix:///run/redis.sock?db=1",
    ],
    "DATABASE_URL": [
        "postgres://u:p%40w@h:5432/d",
        "postgresql://u:p/w#x@h/d?sslmode=require",
        "postgresql+psycopg://u@[::1]/d",
        "postgresql:///d?host=/run/postgresql",
        "postgresql:///d",
        "postgresql://u:p@/d",
        "sqlite:////var/lib/flotilla.db",
    ],
    "SMTP_URL": ["smtp://h", "smtps://u%40example.com:p%2Fw@h:465", "smtp://127.0.0.1:25/"],
    "PUBLIC_URL": ["https://example.com:8443/", "https://bücher.example/prefix", "http://[2001:db8::1]:80"],
    "APP_ENV": ["dev", "test"],
}


def told(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load_settings({**KEYS, **environ})
    return raised.value.message


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_address_is_named_and_none_of_it_shown(name: str, value: str) -> None:
    smtp = {"SMTP_URL": "smtp://h"} if name == "SMTP_FROM" else {}
    message = told(**{name: value}, **smtp)
    assert message.startswith(f"The configuration is wrong:\n  {name}")
    assert len(message.splitlines()) == 2
    assert SECRET not in message.lower()


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in RIGHT for value in RIGHT[name]])
def test_a_sound_address_is_taken(name: str, value: str) -> None:
    load_settings({**KEYS, name: value})


def test_a_password_sign_that_must_be_encoded_is_named() -> None:
    assert "# is %23, / is %2F, @ is %40" in told(REDIS_URL="redis://:57#W@h:6379/0")
    assert "%23" not in told(PUBLIC_URL="https://example.com:99999"), "no password, no word of one"


def test_staging_is_guarded_like_production() -> None:
    assert told(APP_ENV="staging", SECRET_KEY="").endswith(
        "SECRET_KEY: must be set when APP_ENV=staging (see docs/configuration.md)"
    )
    assert "too easy to guess" in told(APP_ENV="staging")
    strong = {"SECRET_KEY": "0123456789abcdef" * 2, "APP_ENV": "staging"}
    assert load_settings({**KEYS, **strong}).listen_host == "0.0.0.0"


@pytest.mark.parametrize(
    "name", ["CELERY_BROKER_URL", "REDIS_HOST"]
)  # fmt: skip
def test_a_name_that_nothing_follows_from_is_warned_of(name: str) -> None:
    with pytest.warns(UserWarning, match=f"^{name} is set but"):
        load_settings({**KEYS, name: "x"})
