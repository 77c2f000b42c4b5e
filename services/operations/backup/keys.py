"""BACKUP_KEY: an age identity. Outside production it is made on first use and kept in DATA_DIR with mode 600."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from pyrage import IdentityError, x25519  # type: ignore[import-untyped]

from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.core.settings import Settings

FILE: Final = "backup.key"


def backup_identity(settings: Settings) -> x25519.Identity:
    """What backups are encrypted to and opened with. ConfigurationError: missing in production, or malformed."""
    text = settings.backup_key.get_secret_value().strip() or _kept(settings)
    try:
        return x25519.Identity.from_str(text)
    except IdentityError:
        raise ConfigurationError(
            "BACKUP_KEY: must be an age identity, AGE-SECRET-KEY-1…; make one with `flask backup key`",
            code="backup_key_malformed",
        ) from None


def new_key() -> str:
    """A fresh identity for BACKUP_KEY."""
    return str(x25519.Identity.generate())


def _kept(settings: Settings) -> str:
    path = settings.data_dir / FILE
    if settings.app_env.is_served:
        raise ConfigurationError(
            "BACKUP_KEY: must be set in production, and kept apart from the backups; make one with `flask backup key`",
            code="backup_key_missing",
        )
    try:
        if not path.exists():
            draft = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(new_key() + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):  # another process was first: its key holds
                os.link(draft, path)
            draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            Text(
                "{path}: {reason}; let this user write there, or set BACKUP_KEY",
                path=str(path),
                reason=str(error.strerror),
            )
        ) from None
