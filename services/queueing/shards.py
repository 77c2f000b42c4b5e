"""Shards: the outboxes of an installation, spread by bot."""

from __future__ import annotations

from services.platform.redis import keys


def outbox_keys(bot_id: int, priority: str, shard: int) -> tuple[str, ...]:
    """The keys of one of a bot's outboxes in the order in which scripts take them."""
    return (
        keys.outbox(bot_id, priority),
        keys.outbox_active(shard),
        keys.outbox_wake(shard),
        keys.lease(f"outbox:{shard}"),
        keys.wakeup("outbox", shard),
    )
