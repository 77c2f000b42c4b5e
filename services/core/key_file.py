"""The keys of an installation that was given none: made on the first start, kept in DATA_DIR with mode 600."""

from __future__ import annotations

import base64
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from services.core.drafts import draft_of
from services.core.errors import ConfigurationError
from services.core.i18n import Text


def read_or_make_keys(path: Path) -> dict[str, Any]:
    """`secret_key` and `encryption_keys` (newest first) from `path`, made there first if need be.

    Two processes may start at once: the file appears whole by a hard link, and only the first one's stays.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = {
            "secret_key": secrets.token_urlsafe(32),
            "encryption_keys": [base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()],
        }
        draft = draft_of(path)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(fresh, file)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its keys hold
            os.link(draft, path)
        draft.unlink()
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
        return {
            "secret_key": str(kept["secret_key"]),
            "encryption_keys": [str(key) for key in kept["encryption_keys"]],
        }
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            Text("{path}: not readable as a key file; restore it from a backup", path=str(path))
        ) from None
