"""docs/configuration.md and .env.example, made from the descriptions of the settings: `python -m launch.configuration --write`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.core.environment import (
    IGNORED_NAMES,
    IGNORED_PREFIXES,
    secret_fields,
    setting_names,
)
from services.core.secret_files import LONGEST, file_names
from services.core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
KEY_COMMAND = "python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"

INTRODUCTION = f"""\
# Configuration

<!-- Written by `make docs` from services/core/settings.py; a test compares. -->

Everything is set by environment variables, read once when a process starts. A value that makes no sense stops the
start, with the variable's name and the reason. An empty variable counts as not set.

Addresses are read whole at the start: scheme, user, host, port, path and options. In a user name or password, signs such as
`#`, `/`, `?`, `@` and `%` must be percent-encoded: the password `57#W` is written `57%23W`. A message about a wrong address holds no part of it.

A secret may lie in a file instead: for each variable that may hold one there is a second with `_FILE` behind its name, which holds the file's
path (`SECRET_KEY_FILE=/run/secrets/secret_key`), as Docker, Kubernetes and systemd hand secrets out. The file is read at the start: text of
at most {LONGEST // 2**10} KB, without the line end behind it. A file that is missing, unreadable or empty, or a secret given in both ways, stops the
start with the variable's name, and never with what the file holds.

`make run` and the `flask` command also read a file `.env` in the project's folder
(`cp .env.example .env`); the environment wins over it.

Nothing has to be set to try Flotilla on one machine. In production (`APP_ENV=prod`, or `staging`) `SECRET_KEY` and
`ENCRYPTION_KEYS` must be given. Make each with:

    {KEY_COMMAND}

The first of the encryption keys seals, all open. To change them without a pause, follow [keys.md](keys.md).

| Variable | Default | Meaning |
|---|---|---|
"""

IGNORED = f"""
Variables of the systems Flotilla replaces that have no meaning here are ignored with a warning that names them:
{", ".join(f"`{name}`" for name in IGNORED_NAMES)} and all that begin with
{" or ".join(f"`{prefix}`" for prefix in IGNORED_PREFIXES)}.
"""

# Those of one topic last, though pydantic has what is inherited first.
FIELDS = sorted(Settings.model_fields, key=lambda name: name not in Settings.__annotations__)
EXAMPLE_HEAD = """\
# All settings with their defaults, written by `make docs`. Copy to .env and uncomment what you change.
# A secret may lie in a file instead: SECRET_KEY_FILE=/path and the like; see docs/configuration.md.
"""


def configuration_page() -> str:
    """The text of docs/configuration.md."""
    rows = []
    for field in FIELDS:
        name, *others = setting_names(field)
        if field in secret_fields():
            others += file_names(setting_names(field))
        also = f" (also `{'`, `'.join(others)}`)" if others else ""
        default = _default(field)
        rows.append(f"| `{name}`{also} | {f'`{default}`' if default else ''} | {_description(field)} |\n")
    return INTRODUCTION + "".join(rows) + IGNORED


def example_file() -> str:
    """The text of .env.example."""
    entries = [
        f"\n# {_description(field).replace('`', '')}\n#{setting_names(field)[0]}={_default(field)}\n"
        for field in FIELDS
    ]
    return EXAMPLE_HEAD + "".join(entries)


FILES = {ROOT / "docs" / "configuration.md": configuration_page, ROOT / ".env.example": example_file}


def stale_files() -> list[str]:
    """The names of the files that differ from the settings."""
    return [path.name for path, text in FILES.items() if not path.exists() or path.read_text() != text()]


def main(arguments: list[str]) -> int:
    """Write the files with --write, else exit with 1 when one is stale."""
    if arguments == ["--write"]:
        for path, text in FILES.items():
            path.write_text(text())
        return 0
    stale = stale_files()
    if stale:
        print(f"{', '.join(stale)}: stale; run `make docs`", file=sys.stderr)
    return int(bool(stale))


def _description(field: str) -> str:
    return (Settings.model_fields[field].description or "").replace("|", "\\|")


def _default(field: str) -> str:
    value: Any = Settings.model_fields[field].default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in ("", (), None) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
