"""Entries in Redis outlive a release: during a deployment old and new code meet in the same lanes and outboxes.

A field that is added is ignored by code that does not know it, and has a default where it is missing. `bot` and `chat`,
by which entries are ordered, are there in every version. A change that older code would misread raises VERSION and
writes it into the field `v`; older code leaves such entries, and their chats, to newer code (docs/deployment.md).
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from services.core.errors import Unavailable

VERSION = 1  # of entries in lanes and outboxes; without `v` it is 1
PATIENCE_SECONDS = (
    3600.0  # for newer code to come, as after a release taken back; then the entry is a dead letter
)


def is_newer(fields: Mapping[str, str]) -> bool:
    """Whether an entry was written by code that this code must not guess at."""
    return int(fields.get("v", VERSION)) > VERSION


def wait_for_newer(entry_id: str) -> None:
    """Raise Unavailable while newer code may still come for the entry; return when it is to be given up."""
    if time.time() - int(entry_id.partition("-")[0]) / 1000 <= PATIENCE_SECONDS:
        raise Unavailable("written by a newer release, and left to it", code="newer_release")
