"""The checks, a module per topic; importing this package registers them."""

from services.operations.doctor.topics import (
    backups,
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
    "backups",
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
