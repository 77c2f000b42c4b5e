"""The keys of an installation that was given none: made on the first start, kept in DATA_DIR with mode 600.

Beside the keys stands when each was made and when it came to the front, by fingerprint; files of earlier releases lack it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from services.core.drafts import draft_of
from services.core.encryption import fingerprint, new_key
from services.core.errors import ConfigurationError
from services.core.i18n import Text
from services.core.times import iso, utc_now

logger = logging.getLogger(__name__)
LOOK_SECONDS: Final = (
    1.0  # a running process takes a change after so long at the latest, before it uses a key
)


def read_or_make_keys(path: Path) -> dict[str, Any]:
    """`secret_key` and `encryption_keys` (newest first) from `path`, made there first if need be.

    Two processes may start at once: the file appears whole by a hard link, and only the first one's stays.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = new_key()
        fresh = {
            "secret_key": secrets.token_urlsafe(32),
            "encryption_keys": [key],
            "made": {fingerprint(key): iso(utc_now())},
            "leading": {fingerprint(key): iso(utc_now())},
        }
        draft = _written(path, fresh)
        with suppress(FileExistsError):  # another process was first: its keys hold
            os.link(draft, path)
        draft.unlink()
    kept = _read(path)
    return {"secret_key": str(kept["secret_key"]), "encryption_keys": list(kept["encryption_keys"])}


def change_keys(path: Path, change: Callable[[list[str]], list[str]]) -> list[str]:
    """Put what `change` makes of the listed keys in their place, whole or not at all; the keys that are listed then.

    Changes of two processes come one after the other. Raises OSError, ConfigurationError, and what `change` raises.
    """
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _read(path)
        before = list(kept["encryption_keys"])
        after = change(list(before))
        if after != before:
            draft = _written(path, _with_times(path, kept, before, after))
            draft.replace(path)
            _sync_folder(path.parent)
        return after
    finally:
        os.close(lock)


def key_times(path: Path) -> dict[str, tuple[datetime, datetime | None]]:
    """Fingerprint -> when the key was made and since when it has been in front, None for one that is not yet.

    For a file of an earlier release, which was written once, both are the file's own time.
    """
    kept = _read(path)
    written = datetime.fromtimestamp(path.stat().st_mtime, utc_now().tzinfo)
    made, leading = kept.get("made", {}), kept.get("leading", {})
    names = [fingerprint(key) for key in kept["encryption_keys"]]
    old = not made
    return {
        name: (
            _moment(made.get(name)) or written,
            _moment(leading.get(name)) or (written if old else None),
        )
        for name in names
    }


class KeyFile:
    """Tells a running process of changed keys. Called with whether it must look at once; the keys if they changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0.0
        self._seen: tuple[int, int] | None = None

    def __call__(self, at_once: bool) -> tuple[str, ...] | None:
        """Other keys than at the last look, or None; None too while the file cannot be read, which the log says."""
        now = time.monotonic()
        if now < self._next and not at_once:
            return None
        self._next = now + LOOK_SECONDS
        try:
            found = self._path.stat()
            if self._seen == (found.st_ino, found.st_mtime_ns):
                return None
            keys = tuple(_read(self._path)["encryption_keys"])
        except (OSError, ConfigurationError) as error:
            logger.warning("the key file cannot be read: %s; the keys in force stay", type(error).__name__)
            return None
        self._seen = found.st_ino, found.st_mtime_ns
        return keys


def _read(path: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
        kept["secret_key"], kept["encryption_keys"] = (
            str(kept["secret_key"]),
            [str(key) for key in kept["encryption_keys"]],
        )
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            Text("{path}: not readable as a key file; restore it from a backup", path=str(path))
        ) from None
    return kept


def _written(path: Path, content: dict[str, Any]) -> Path:
    """A draft beside `path`, on the disk, that only this user may read."""
    draft = draft_of(path)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _with_times(path: Path, kept: dict[str, Any], before: list[str], after: list[str]) -> dict[str, Any]:
    now, known = utc_now(), key_times(path)
    names = [fingerprint(key) for key in after]
    made = {name: known[name][0] if name in known else now for name in names}
    leading = {name: known[name][1] for name in names if name in known}
    if after[0] != before[0]:
        leading[names[0]] = now
    return {
        **kept,
        "encryption_keys": after,
        "made": {name: iso(at) for name, at in made.items()},
        "leading": {name: iso(at) for name, at in leading.items() if at},
    }


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
