"""Each secret setting can lie in a file; one that cannot be read stops the start without a word of what it holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.core.environment import load_settings, own_names, secret_fields, setting_names
from services.core.errors import ConfigurationError
from services.core.secret_files import LONGEST
from services.core.settings import Settings

CANARY = "canary-0123456789abcdef-p%C3%A4ss"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
# Where a text of any kind would be refused.
VALUES = {
    "encryption_keys": f"{KEY},{KEY[::-1]}",
    "database_url": f"postgresql://flotilla:{CANARY}@database:5432/flotilla",
    "redis_url": f"redis://:{CANARY}@redis:6379/0",
    "worker_redis_url": "redis://redis.example.com:6379/0",
    "sentry_dsn": f"https://{CANARY}@errors.example.com/1",
    "smtp_url": f"smtp://alerts:{CANARY}@mail.example.com:587",
}
BESIDE = {"smtp_url": {"SMTP_FROM": "alerts@example.com"}}
VARIABLES = [(field, name) for field in secret_fields() for name in setting_names(field)]
SOUNDS_SECRET = re.compile(
    r"password|token|secret|_key$|_keys$|credential|dsn|(database|redis|smtp|mail|broker)_url"
)
NO_SECRETS = {
    "idempotency_keys_per_account": "a number",
    "quota_api_keys": "a number",
    "kubernetes_pull_secrets": "names of Secrets in the cluster, which hold them",
}


def environ(folder: Path, more: dict[str, str]) -> dict[str, str]:
    keys = {"SECRET_KEY": "k" * 40, "ENCRYPTION_KEYS": KEY}
    taken = {name.removesuffix("_FILE") for name in more}
    if taken & {"ENCRYPTION_KEY", "ENCRYPTION_KEYS"}:
        keys.pop("ENCRYPTION_KEYS")
    if "SECRET_KEY" in taken:
        keys.pop("SECRET_KEY")
    return {"DATA_DIR": str(folder), **keys, **more}


def refused(folder: Path, more: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_settings({"DATA_DIR": str(folder), **more})
    return error.value.message


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize(("field", "name"), VARIABLES)
def test_a_secret_is_read_from_the_file_that_its_variable_names(
    field: str, name: str, tmp_path: Path
) -> None:
    value, beside = VALUES.get(field, CANARY), BESIDE.get(field, {})
    file = tmp_path / "secret"
    file.write_text(f"{value}\n")
    from_file = load_settings(environ(tmp_path, {f"{name}_FILE": str(file), **beside}))
    assert getattr(from_file, field) == getattr(
        load_settings(environ(tmp_path, {name: value, **beside})), field
    )
    assert plain(getattr(from_file, field)) != plain(Settings.model_fields[field].default)


@pytest.mark.parametrize("field", [name for name in Settings.model_fields if SOUNDS_SECRET.search(name)])
def test_what_sounds_like_a_secret_has_a_secrets_type(field: str) -> None:
    assert (field in secret_fields()) != (field in NO_SECRETS)


@pytest.mark.parametrize(("field", "name"), VARIABLES)
def test_a_secret_given_twice_is_refused_by_both_names(field: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(CANARY)
    for other in setting_names(field):
        message = refused(tmp_path, {other: CANARY, f"{name}_FILE": str(file)})
        assert f"{name}_FILE: give one of {other} and {name}_FILE, not both" in message
        assert CANARY not in message


def test_two_files_for_one_secret_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(KEY)
    given = {f"{name}_FILE": str(tmp_path / "a") for name in ("ENCRYPTION_KEYS", "ENCRYPTION_KEY")}
    assert "give one of ENCRYPTION_KEYS_FILE and ENCRYPTION_KEY_FILE" in refused(tmp_path, given)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b" \r\n", "is empty"),
        (b"\xff\xfecanary", "is no text"),
        (b"c" * (LONGEST + 1), f"is larger than {LONGEST} bytes"),
    ],
)
def test_a_file_without_a_secret_is_refused_and_not_quoted(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    message = refused(tmp_path, {"METRICS_TOKEN_FILE": str(file)})
    assert f"METRICS_TOKEN_FILE: the file it names {reason}" in message
    assert "canary" not in message
    assert "cccc" not in message


def test_a_missing_file_and_a_folder_are_refused_by_the_variables_name(tmp_path: Path) -> None:
    message = refused(tmp_path, {"SECRET_KEY_FILE": str(tmp_path / "none"), "SMTP_URL_FILE": str(tmp_path)})
    assert "SECRET_KEY_FILE: the file it names cannot be read (No such file or directory)" in message
    assert "SMTP_URL_FILE: the file it names cannot be read (Is a directory)" in message


def test_a_secret_written_where_a_path_belongs_is_not_told(tmp_path: Path) -> None:
    assert CANARY not in refused(tmp_path, {"METRICS_TOKEN_FILE": CANARY})
    assert CANARY not in refused(tmp_path, {"METRICS_TOKEN_FILE": CANARY * 200})  # longer than a name may be


def test_a_wrong_secret_in_a_file_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"mysql://root:{CANARY}@database/flotilla")
    message = refused(tmp_path, {"DATABASE_URL_FILE": str(tmp_path / "url")})
    assert "DATABASE_URL: must look like" in message
    assert CANARY not in message


def test_only_the_line_end_behind_a_secret_is_cut(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b" two words \r\n")
    settings = load_settings(environ(tmp_path, {"METRICS_TOKEN_FILE": str(tmp_path / "token")}))
    assert settings.metrics_token.get_secret_value() == " two words "


def test_an_empty_variable_names_no_file(tmp_path: Path) -> None:
    given = environ(tmp_path, {"METRICS_TOKEN_FILE": "", "METRICS_TOKEN": "token"})
    assert load_settings(given).metrics_token.get_secret_value() == "token"


def test_the_keys_of_production_may_lie_in_files(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("9f86d081884c7d659a2feaa0c55ad015\n")
    (tmp_path / "encryption_keys").write_text(f"{KEY}\n")
    files = {
        "SECRET_KEY_FILE": str(tmp_path / "secret_key"),
        "ENCRYPTION_KEYS_FILE": str(tmp_path / "encryption_keys"),
    }
    settings = load_settings({"APP_ENV": "prod", "DATA_DIR": str(tmp_path / "data"), **files})
    assert settings.encryption_keys[0].get_secret_value() == KEY
    assert not (tmp_path / "data").exists()


def test_no_file_of_a_bot_may_name_a_secrets_file() -> None:
    assert {"DB_URL_FILE", "MANAGER_BOT_TOKEN_FILE", "SECRET_KEY_FILE"} <= own_names()
