"""Bodies given up at the webhook's door become dead letters; the request itself never touches the database."""

from __future__ import annotations

from services.alerts.dead_letters.store import store
from services.platform.platform import Platform
from services.platform.redis import keys, streams
from services.platform.token_encryption import open_tokens

AT_ONCE = 200


def store_rejected_bodies(platform: Platform) -> int:
    """Make rows of what waits; how many entries were taken. Repeating after a crash adds nothing."""
    name = keys.intake_dead()
    taken = 0
    while entries := streams.read(platform.redis, {name: "0"}, count=AT_ONCE).get(name):
        with platform.database.transaction() as session:
            for entry_id, fields in entries:
                bot_id = int(fields["bot"])
                store(
                    session,
                    kind="intake",
                    source_id=f"intake:{entry_id}",
                    error=f"{fields['reason']}: {fields['size']} bytes",
                    where=fields["reason"],
                    bot_id=bot_id,
                    payload={"body": open_tokens(platform.vault, fields["body"], bot_id)},
                )
        platform.redis.xdel(name, *(entry_id for entry_id, _ in entries))
        taken += len(entries)
    return taken
