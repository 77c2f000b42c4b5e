"""Working off lanes in a test, and what came of it."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from models import Bot, DeadLetter
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform
from services.platform.redis import keys
from tools.servers.fleet import Plugins, stream

TRIAL: Plugins = (("trial", {}), ("after", {}), ("error_handler", {}))


def handle_all(platform: Platform) -> None:
    """Work off every lane until all are empty, however often a consumer takes a slow moment for the end of its work."""
    lanes = range(platform.settings.update_lanes)
    inbound = UpdateConsumers(platform, threading.Event())
    deadline = time.monotonic() + 30
    with ThreadPoolExecutor(len(lanes)) as executor:
        list(executor.map(inbound.consume, lanes))
        while busy := [lane for lane in lanes if platform.redis.xlen(keys.update_lane(lane))]:
            assert time.monotonic() < deadline, f"lanes {busy} are not empty"
            list(executor.map(inbound.consume, busy))


def replies(platform: Platform, bot: Bot) -> list[tuple[str, str]]:
    """(chat, text) of what waits in the bot's outbox."""
    entries = stream(platform, keys.outbox(bot.id, "reply"))
    return [(fields["chat"], json.loads(fields["call"])["params"].get("text", "")) for _, fields in entries]


def letters(platform: Platform) -> list[DeadLetter]:
    """What was given up."""
    with platform.database.reading() as session:
        return list(session.scalars(select(DeadLetter)))
