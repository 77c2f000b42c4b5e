"""What the launcher says."""

from __future__ import annotations

import sys
from contextlib import suppress

from services.core.listening import local_address
from services.core.settings import Settings


def say(text: str) -> None:
    """Write to the console, whether or not anybody reads it."""
    with suppress(OSError):
        print(text, file=sys.stdout, flush=True)


def local_url(settings: Settings) -> str:
    """The web process's address on this machine."""
    return f"http://{local_address(settings)}"
