"""A disk that is soon full: a file system of its own in memory, which only root may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """`folder` as a file system of `size` bytes. Raises OSError where this machine does not allow it."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise OSError(mounted.stderr.strip() or f"mount ended with {mounted.returncode}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all that is free; the file to delete to give it back."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while os.write(file.fileno(), b"\0" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError("a write of nothing")  # pragma: no cover
