"""DATA_DIR of a running installation: private, and used by one launcher at a time."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from launch.interrupts import pause
from services.core.errors import FlotillaError

STILL_STOPPING_SECONDS = 20.0  # a supervisor whose launcher was killed needs up to 15 s


class AlreadyRunning(FlotillaError):
    """Another launcher uses this DATA_DIR."""

    default_code = "already_running"


class Unwritable(FlotillaError):
    """DATA_DIR is read-only, somebody else's, or no folder."""

    default_code = "data_dir_unwritable"


def prepare(folder: Path) -> None:
    """Make the folder, mode 700 if it is new, and everything made in it from now on private to this user.

    Raises Unwritable.
    """
    os.umask(0o077)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(folder / ".writable", "")
        (folder / ".writable").unlink()
    except OSError as error:
        raise Unwritable(
            f"DATA_DIR={folder} cannot be written ({error.strerror}). "
            "Let this user write there, or give another DATA_DIR."
        ) from None


def lock(folder: Path) -> int:
    """Take DATA_DIR for this launcher; gives the descriptor that holds the lock. Raises AlreadyRunning.

    The supervisor inherits the descriptor, so the lock outlives a killed launcher until the supervisor has stopped
    its programs; that is waited for.
    """
    descriptor = os.open(folder / "launch.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + STILL_STOPPING_SECONDS
    while not _try_lock(descriptor):
        holder = os.pread(descriptor, 20, 0).decode().strip()
        if _is_alive(holder) or time.monotonic() > deadline:
            os.close(descriptor)
            raise AlreadyRunning(
                f"Flotilla is already running with DATA_DIR={folder} (process {holder or 'unknown'}). "
                "Stop it with Ctrl-C, or give another DATA_DIR and PORT."
            )
        pause(0.1)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file of `mode` that appears whole or not at all, and stays so when the machine fails."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(mode)
    draft.replace(path)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
