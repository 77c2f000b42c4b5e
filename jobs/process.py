"""The one platform of a process outside the web, and whether that process is being stopped."""

from __future__ import annotations

import threading
from functools import cache

from services.logs import configure_logging
from services.platform import Platform, build_platform

# Set at SIGTERM: drains hand back what they hold and every loop ends.
stopping = threading.Event()


@cache
def platform() -> Platform:
    """What this process works with, from the environment, built on first use."""
    return build_platform()


def begin(service: str) -> Platform:
    """The platform of a fresh process, with its logging set up. `service` is worker, clock or poller."""
    configure_logging(platform().settings, service)
    return platform()
