"""Files that appear whole: written under another name first."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def draft_of(path: Path) -> Path:
    """Where to write what shall become `path`: beside it, and of this writer alone.

    The process id is not enough: in containers that share a folder every process may be number 1.
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
