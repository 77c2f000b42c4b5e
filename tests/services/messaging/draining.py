"""Working off lanes and outboxes in a test, and what came of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from models import Bot, DeadLetter
from services.messaging.outbox.senders import Senders
from services.messaging.outbox.timings import OutboxTimings
from services.messaging.updates.timings import UpdateTimings
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.fleet import Plugins, stream

TRIAL: Plugins = (("trial", {}), ("after", {}), ("error_handler", {}))
# Consumers that leave soon and try again soon.
QUICK = UpdateTimings(idle_timeout=0.3, read_timeout=0.1, retry_delays=(0.05, 0.1, 0.2))
QUICK_SENDING = OutboxTimings(idle_timeout=0.3, read_timeout=0.1, backoff=(0.05, 0.2))
DEADLINE_SECONDS = 30.0
SOON_SECONDS = 1.0  # a message due within it is waited for, as the clock would ring for it


def consumers(
    platform: Platform, timings: UpdateTimings = QUICK, stopping: threading.Event | None = None
) -> UpdateConsumers:
    """The update side of a process of its own, quick unless asked otherwise."""
    return UpdateConsumers(platform, stopping or threading.Event(), timings)


def senders(
    platform: Platform, timings: OutboxTimings = QUICK_SENDING, stopping: threading.Event | None = None
) -> Senders:
    """The sending side of a process of its own, quick unless asked otherwise."""
    return Senders(platform, stopping or threading.Event(), timings)


def shard_of(platform: Platform, bot: Bot) -> int:
    """The shard of the bot's outbox."""
    return bot.id % platform.settings.update_lanes


def handle_all(platform: Platform, by: UpdateConsumers | None = None, timings: UpdateTimings = QUICK) -> None:
    """Work off every lane until all are empty, however often a consumer takes a slow moment for the end of its work."""
    inbound = by or consumers(platform, timings)

    def waiting(lanes: Sequence[int]) -> list[int]:
        return [lane for lane in lanes if platform.redis.xlen(keys.update_lane(lane))]

    _repeat(inbound.consume, range(platform.settings.update_lanes), waiting)


def send_all(platform: Platform, bot: Bot, timings: OutboxTimings = QUICK_SENDING) -> None:
    """Send from the bot's shard until nothing is due soon; a consumer that left is rung for, as by the clock."""

    def due(shards: Sequence[int]) -> list[int]:
        soon = (time.time() + SOON_SECONDS) * 1000
        return [shard for shard in shards if platform.redis.zcount(keys.outbox_active(shard), "-inf", soon)]

    _repeat(senders(platform, timings).send_shard, [shard_of(platform, bot)], due)


def _repeat(
    drain: Callable[[int], None], numbers: Sequence[int], unfinished: Callable[[Sequence[int]], list[int]]
) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    with ThreadPoolExecutor(len(numbers)) as executor:
        while left := unfinished(numbers):
            assert time.monotonic() < deadline, f"{left} are not worked off"
            list(executor.map(drain, left))


def replies(platform: Platform, bot: Bot) -> list[tuple[str, str]]:
    """(chat, text) of what waits in the bot's outbox."""
    entries = stream(platform, keys.outbox(bot.id, "reply"))
    return [(fields["chat"], json.loads(fields["call"])["params"].get("text", "")) for _, fields in entries]


def letters(platform: Platform) -> list[DeadLetter]:
    """What was given up, the oldest first."""
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter).order_by(DeadLetter.id)))
