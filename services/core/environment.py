"""Reading the environment, once, into `Settings`. Nothing else reads it.

Where a value is not given, two things are kept in DATA_DIR with mode 600, so that a second process or the command
line started with the same DATA_DIR finds the running installation: the keys (made on the first start, never in
production) and the address of the embedded Redis.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from services.core.encryption import Vault
from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.core.key_file import read_or_make_keys
from services.core.secret_files import file_names, is_secret, read_secret_files
from services.core.settings import Settings

# Names from the systems this one replaces that mean nothing here: a left-over must not be silently believed.
IGNORED_NAMES = ("TELEGRAM_WEBHOOK_SECRET", "REDIS_HOST", "REDIS_PORT", "WEBHOOK_ENABLED")
SHORTEST_SECRET = 32  # characters
FEWEST_CHARACTERS = 10  # different ones
IGNORED_PREFIXES = ("CELERY_", "HEALTH_CHECK_")


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment once. Raises ConfigurationError naming every wrong variable and why."""
    environ = os.environ if environ is None else environ
    _warn_of_ignored(environ)
    settings = _parse(_with_secret_files(environ), {})
    extra: dict[str, Any] = {}
    if not (settings.secret_key.get_secret_value() and settings.encryption_keys):
        extra.update(_kept_keys(settings))
    if settings.app_env.is_served:
        _refuse_weak_secret(settings.secret_key.get_secret_value())
    if not settings.redis_url and settings.embedded_redis_file.exists():
        extra["redis_url"] = settings.embedded_redis_file.read_text().strip()
    return settings.with_kept_keys(extra) if extra else settings


def settings_or_exit(*checks: Callable[[Settings], None]) -> Settings:
    """The settings for a process's entry: wrong ones end it with one message on stderr and exit code 2.

    `checks` raise ConfigurationError for what this process, on this machine, cannot do.
    """
    try:
        settings = load_settings()
        Vault(tuple(key.get_secret_value() for key in settings.encryption_keys))
        for check in checks:
            check(settings)
        return settings
    except ConfigurationError as error:
        sys.stderr.write(f"{error.message}\n")
        raise SystemExit(2) from None


def _parse(environ: Mapping[str, str], extra: dict[str, Any]) -> Settings:
    names = {alias.upper(): alias for field in Settings.model_fields for alias in setting_names(field)}
    given: dict[str, Any] = {
        name.lower() if name.lower() in Settings.model_fields else name: environ[name]
        for name in names
        if environ.get(name)
    }
    try:
        return _FromMapping(**given, **extra)
    except ValidationError as error:
        lines = [_explain(item) for item in error.errors(include_url=False, include_input=False)]
        raise _wrong(lines) from None


def _with_secret_files(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, with what the variables named …_FILE point to. Raises ConfigurationError."""
    found, wrong = read_secret_files(environ, map(setting_names, secret_fields()))
    if wrong:
        raise _wrong(wrong)
    return {**environ, **found}


def _wrong(lines: Iterable[str]) -> ConfigurationError:
    return ConfigurationError(Text("The configuration is wrong:\n  {lines}", lines="\n  ".join(lines)))


def _explain(item: Any) -> str:
    """One line "NAME: reason" for a pydantic error; never the value, which may be a secret."""
    name = str(item["loc"][0]).upper() if item["loc"] else ""
    reason = str(item["msg"]).removeprefix("Value error, ")
    return f"{name}: {reason}" if name else reason


class _FromMapping(Settings):
    """Settings from the given mapping alone, so that a test or a second process never reads a stray variable."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def setting_names(field: str) -> tuple[str, ...]:
    """The environment names of a Settings field, the documented one first."""
    alias = Settings.model_fields[field].validation_alias
    return (
        tuple(str(choice) for choice in alias.choices)
        if isinstance(alias, AliasChoices)
        else (field.upper(),)
    )


@cache
def secret_fields() -> tuple[str, ...]:
    """The Settings fields that may hold a secret, known by their types; each can be given as a file."""
    return tuple(name for name, field in Settings.model_fields.items() if is_secret(field))


@cache
def own_names() -> frozenset[str]:
    """The names of all variables that settings are read from, in capitals: what they hold, or point to, is ours alone."""
    names = [name.upper() for field in Settings.model_fields for name in setting_names(field)]
    files = [name for field in secret_fields() for name in file_names(setting_names(field))]
    return frozenset([*names, *files])


def variable(name: str) -> str | None:
    """The value of somebody else's variable, for files that name it; None when it is not set or one of `own_names`."""
    return None if name.upper() in own_names() else os.environ.get(name)


def _warn_of_ignored(environ: Mapping[str, str]) -> None:
    for name in environ:
        if name in IGNORED_NAMES or name.startswith(IGNORED_PREFIXES):
            warnings.warn(f"{name} is set but has no meaning here; it is ignored", stacklevel=3)


def _refuse_weak_secret(secret: str) -> None:
    """In production: whoever guesses it signs sessions of anybody. Sixteen random bytes in hex pass."""
    if secret and (len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_CHARACTERS):
        raise _wrong(
            [
                "SECRET_KEY: too easy to guess; "
                "make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'"
            ]
        )


def _kept_keys(settings: Settings) -> dict[str, Any]:
    """The keys kept in DATA_DIR, made there first if need be; in production missing keys stop the start."""
    missing = [
        name
        for name, given in (
            ("SECRET_KEY", settings.secret_key.get_secret_value()),
            ("ENCRYPTION_KEYS", settings.encryption_keys),
        )
        if not given
    ]
    if settings.app_env.is_served:
        raise _wrong(
            f"{name}: must be set when APP_ENV={settings.app_env} (see docs/configuration.md)"
            for name in missing
        )
    try:
        kept = read_or_make_keys(settings.keys_file)
    except OSError as error:
        raise _wrong(
            [
                f"DATA_DIR: {settings.data_dir} cannot be written ({error.strerror}); "
                "let this user write there, or name another folder"
            ]
        ) from None
    update: dict[str, Any] = {}
    if "SECRET_KEY" in missing:
        update["secret_key"] = SecretStr(kept["secret_key"])
    if "ENCRYPTION_KEYS" in missing:
        update["encryption_keys"] = tuple(SecretStr(key) for key in kept["encryption_keys"])
    return update
