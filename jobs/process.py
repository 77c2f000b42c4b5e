"""The one platform of a process outside the web, and whether that process is being stopped."""

from __future__ import annotations

import threading
from functools import cache

from services.logs import configure_logging
from services.outbox.outbound import Outbound
from services.platform import Platform, build_platform
from services.updates.inbound import Inbound

# Set at SIGTERM: drains hand back what they hold and every loop ends.
stopping = threading.Event()


@cache
def platform() -> Platform:
    """What this process works with, from the environment, built on first use."""
    return build_platform()


@cache
def inbound() -> Inbound:
    """What the drains of lanes share in this process; listens for changes from first use on."""
    shared = Inbound(platform(), stopping)
    shared.start()
    return shared


@cache
def outbound() -> Outbound:
    """What the drains of outboxes share in this process; listens for changes from first use on."""
    shared = Outbound(platform(), stopping)
    shared.start()
    return shared


def begin(service: str) -> Platform:
    """The platform of a fresh process, with its logging set up. `service` is worker, clock or poller."""
    configure_logging(platform().settings, service)
    return platform()
