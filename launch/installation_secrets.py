"""`python -m launch.installation_secrets KEYS PASSWORDS`: make each secret of an installation of containers that is not there yet.

KEYS gets, for Flotilla's own processes alone (mode 400): `secret_key`, `encryption_keys`, `metrics_token`, `database_url`, `redis_url`.
PASSWORDS gets what the servers read, which run as users of their own (mode 444): `postgres`, `valkey` and `valkey.conf`. Each file appears
whole or not at all, and one that is there is never changed: a start that was cut off goes on where it ended. Keys that `make run` left
in DATA_DIR are taken over.
"""

from __future__ import annotations

import os
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from launch.datadir import write_private
from services.core.errors import ConfigurationError
from services.core.key_file import read_or_make_keys

OURS, THEIRS = 0o400, 0o444
BYTES = 32
DATABASE_HOST, REDIS_HOST = "postgres", "valkey"  # services of compose.yaml


def make_secrets(key_folder: Path, password_folder: Path, kept_keys: Path) -> list[str]:
    """The names of the files that were made. `kept_keys` is a keys.json to take over, if it exists. Raises OSError."""
    made: list[str] = []

    def have(path: Path, mode: int, text: Callable[[], str]) -> str:
        if not path.exists():
            write_private(path, text(), mode)
            made.append(path.name)
        return path.read_text().strip()

    database = have(password_folder / "postgres", THEIRS, _token)
    redis = have(password_folder / "valkey", THEIRS, _token)
    have(password_folder / "valkey.conf", THEIRS, lambda: f"requirepass {redis}\n")
    kept = read_or_make_keys(kept_keys) if kept_keys.exists() else None
    have(key_folder / "secret_key", OURS, lambda: kept["secret_key"] if kept else _token())
    have(
        key_folder / "encryption_keys", OURS, lambda: ",".join(kept["encryption_keys"] if kept else [_key()])
    )
    have(key_folder / "metrics_token", OURS, _token)
    have(
        key_folder / "database_url",
        OURS,
        lambda: f"postgresql://flotilla:{database}@{DATABASE_HOST}:5432/flotilla",
    )
    have(key_folder / "redis_url", OURS, lambda: f"redis://:{redis}@{REDIS_HOST}:6379/0")
    return made


def main(arguments: list[str]) -> int:
    """Exit code 0 once all secrets are there."""
    if len(arguments) != 2:
        print("usage: python -m launch.installation_secrets KEYS PASSWORDS", file=sys.stderr)
        return 2
    try:
        made = make_secrets(Path(arguments[0]), Path(arguments[1]), _kept_keys())
    except (ConfigurationError, OSError) as error:
        print(f"The secrets cannot be made: {error}", file=sys.stderr)
        return 1
    print(f"Made: {', '.join(made)}" if made else "All secrets are there.")
    return 0


def _kept_keys() -> Path:
    """Read without the rest of the settings: those name the files that are still to be made."""
    return Path(os.environ.get("DATA_DIR") or "instance") / "keys.json"


def _token() -> str:
    return secrets.token_urlsafe(BYTES)


def _key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(BYTES)).decode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
