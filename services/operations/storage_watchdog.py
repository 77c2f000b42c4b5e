"""Telling the administrators that Redis' memory or the disk of a worker's machine is running out, while it still can be told."""

from __future__ import annotations

import socket
from typing import Any

from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify_administrators
from services.operations.storage import disk_is_low, free_bytes
from services.platform.platform import Platform
from services.queueing.memory_guard import memory_in

MB = 2**20


def notify_of_storage(platform: Platform) -> tuple[Kind, ...]:
    """Notify every administrator, once an hour at most of each; of what. Raises RedisError, Unavailable or OSError."""
    alarms: dict[Kind, dict[str, Any]] = {}
    memory = memory_in(platform.redis.info("memory"))
    if memory.is_low:
        alarms[Kind.REDIS_MEMORY] = {"used": memory.used // MB, "most": memory.most // MB}
    if disk_is_low(platform):
        alarms[Kind.DISK_LOW] = {"host": socket.gethostname(), "free": free_bytes(platform) // MB}
    for kind, params in alarms.items():
        notify_administrators(platform, kind, params)
    return tuple(alarms)
