"""What the launcher does with the application's own code: see the web process answer, say where."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from launch.console import local_url, say
from launch.interrupts import pause
from services.core.environment import load_settings
from services.platform.accounts.setup_code import setup_code
from services.platform.platform import Platform

READY_SECONDS = 60.0
ASK_SECONDS = 0.1


def platform_of(environ: dict[str, str]) -> Platform:
    """The platform of this installation, with the address the embedded server has by now."""
    return Platform(load_settings(environ))


def wait_for_web(url: str, alive: Callable[[], bool]) -> bool:
    """Whether /health/live answered 200 within READY_SECONDS."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + READY_SECONDS
    while alive() and time.monotonic() < deadline:
        with suppress(URLError, OSError), opener.open(f"{url}/health/live", timeout=2):
            return True
        pause(ASK_SECONDS)
    return False


def announce(platform: Platform, more: list[str]) -> None:
    """Say where the panel is and, while there is no account, in a frame, the one-time setup code."""
    url = local_url(platform.settings)
    lines = ["", "Flotilla is running.", f"  Panel        {url}/panel", *more, "  Stop         Ctrl-C", ""]
    code = setup_code(platform)
    if code:
        lines += [
            *framed("First start: make your account", f"{url}/setup", f"one-time setup code: {code}"),
            "",
        ]
    say("\n".join(lines))


def framed(*lines: str) -> list[str]:
    """`lines` in a frame that the eye finds among others."""
    width = max(map(len, lines))
    edge = "─" * (width + 4)
    return [f"  ┌{edge}┐", *(f"  │  {line.ljust(width)}  │" for line in lines), f"  └{edge}┘"]
