"""What an image must not hold: tools that build, caches, secrets, programs that raise rights, files its user could change."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tools.image_check.builder import Image

USER = 10001
BUILD_TOOLS = ("gcc", "cc", "c++", "make", "ld", "git", "cargo", "rustc", "go")
PROGRAM_FOLDERS = ("usr/bin", "usr/local/bin", "usr/sbin", "app/.venv/bin")
CLIENTS = ("psql", "pg_dump", "pg_restore")
CACHES = ("root/.cache", "var/cache/apt/archives", "var/lib/apt/lists", "tmp/pip-*")
NOT_OURS = (".git", ".env", "tests", "tools", "secrets", "instance", "compose.yaml", "Dockerfile")
ITS_OWN = ("data", "keys", "passwords")  # volumes
FOR_ALL = ("tmp", "var/tmp", "run/lock", "proc", "sys", "dev")


def faults(image: Image) -> list[str]:
    """Each thing that is there and should not be, or the reverse."""
    root = image.root
    found = [f"{name} is in the image" for name in BUILD_TOOLS if _program(root, name)]
    found += [f"{name} is missing" for name in CLIENTS if not _program(root, name)]
    found += [
        f"/{path.relative_to(root)} is left"
        for pattern in CACHES
        for path in root.glob(pattern)
        if _full(path)
    ]
    found += [f"/app/{name} came into the image" for name in NOT_OURS if (root / "app" / name).exists()]
    if (root / "app/.venv/bin/pip").exists():
        found.append("pip is left in the environment")
    if image.configuration.get("User") != f"{USER}:{USER}":
        found.append("the image's user is not the fixed one")
    if not image.configuration.get("Healthcheck"):
        found.append("no health check")
    return found + list(_wrong_rights(root))


def _program(root: Path, name: str) -> bool:
    return any(os.path.lexists(root / folder / name) for folder in PROGRAM_FOLDERS)


def _full(path: Path) -> bool:
    return not path.is_dir() or any(entry.name not in ("lock", "partial") for entry in path.iterdir())


def _wrong_rights(root: Path) -> Iterator[str]:
    """Files that raise rights, and those that user 10001 could change."""
    for folder, folders, files in os.walk(root):
        place = Path(folder)
        if place == root:
            folders[:] = [name for name in folders if name not in (*ITS_OWN, "tmp", "proc", "sys", "dev")]
        for name in (*files, *folders):
            path = place / name
            state = path.lstat()
            if stat.S_ISLNK(state.st_mode) or str(path.relative_to(root)) in FOR_ALL:
                continue
            if stat.S_ISREG(state.st_mode) and state.st_mode & (stat.S_ISUID | stat.S_ISGID):
                yield f"/{path.relative_to(root)} raises rights"
            if state.st_uid == USER or state.st_gid == USER or state.st_mode & stat.S_IWOTH:
                yield f"/{path.relative_to(root)} can be changed by the image's user"
