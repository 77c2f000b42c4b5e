"""RQ's side of sending."""

from __future__ import annotations

from jobs import process


def drain_outbox(shard: int) -> None:
    """Send the messages waiting in the outboxes of one shard."""
    process.senders().send_shard(shard)
