"""Working off lanes in a test, and what came of it."""

from __future__ import annotations

import json
import threading

from sqlalchemy import select

from models import Bot, DeadLetter
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.fleet import Plugins, stream

TRIAL: Plugins = (("trial", {}), ("after", {}), ("error_handler", {}))


def handle_all(platform: Platform) -> None:
    """Work off every lane until all are empty."""
    inbound = UpdateConsumers(platform, threading.Event())
    threads = [
        threading.Thread(target=inbound.consume, args=(lane,))
        for lane in range(platform.settings.update_lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(
        platform.redis.xlen(keys.update_lane(lane)) for lane in range(platform.settings.update_lanes)
    )


def replies(platform: Platform, bot: Bot) -> list[tuple[str, str]]:
    """(chat, text) of what waits in the bot's outbox."""
    entries = stream(platform, keys.outbox(bot.id, "reply"))
    return [(fields["chat"], json.loads(fields["call"])["params"].get("text", "")) for _, fields in entries]


def letters(platform: Platform) -> list[DeadLetter]:
    """What was given up."""
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))
