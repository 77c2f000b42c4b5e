"""The checks, a module per topic; importing this package registers them."""

from services.operations.doctor.topics import (
    database,
    extensions,
    fleet,
    keys,
    machine,
    notifications,
    processes,
    queues,
    reachability,
    redis,
    settings,
    telegram,
)

__all__ = [
    "database",
    "extensions",
    "fleet",
    "keys",
    "machine",
    "notifications",
    "processes",
    "queues",
    "reachability",
    "redis",
    "settings",
    "telegram",
]
