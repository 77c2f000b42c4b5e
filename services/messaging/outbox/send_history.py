"""What a shard's bots sent lately, in Redis, so that whoever sends next knows how full the buckets are.

Written together with the settling of what was sent, so it costs no round trip, and a sender that is killed leaves it as
well: of each chat it lacks at most the one message that was under way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from redis.client import Pipeline

from services.messaging.outbox.outgoing import OutboxMessage
from services.messaging.outbox.pacing import GROUP_WINDOW_SECONDS, Limits, Pacing
from services.platform.redis import keys

Sent = tuple[int, str, float]  # bot, chat, and when (epoch s)


def note(pipe: Pipeline, shard: int, settled: Iterable[OutboxMessage], limits: Limits, now: float) -> None:
    """Add what was counted against the limits to the pipeline. `now` is epoch time in s; older records leave."""
    records = {
        f"{int(each.counted_at * 1000)}:{each.bot_id}:{each.flight_id}:{each.paced_chat}": each.counted_at
        + limits.memory_seconds(each.paced_chat)
        for each in settled
        if each.counted_at
    }
    if records:
        name = keys.outbox_sent(shard)
        pipe.zadd(name, records)
        pipe.zremrangebyscore(name, "-inf", now)
        pipe.expireat(name, math.ceil(max(now + GROUP_WINDOW_SECONDS, *records.values())) + 1)


def records_of(members: Sequence[str]) -> list[Sent]:
    """What `note` wrote, the oldest first."""
    parts = [member.split(":", 4) for member in members]  # the name of a flight holds one colon
    sent = [(int(bot), chat, int(moment) / 1000) for moment, bot, _, _, chat in parts]
    return sorted(sent, key=lambda each: each[2])


def restore(pacing: Pacing, sent: Iterable[Sent], *, now: float, epoch: float) -> None:
    """Fill fresh buckets as the last sender left them; `now` is `epoch` on their clock."""
    for bot, chat, moment in sent:
        pacing.take(bot, chat, min(now, now - epoch + moment))
