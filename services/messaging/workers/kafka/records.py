"""What programs write to their outgoing topics: {"method", "params"} as JSON. With `bulk` true beside them replies go first."""

from __future__ import annotations

import json
import time
from typing import Final

from plugins.effects import Priority
from services.alerts.dead_letters.store import store
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.messaging.workers.answering import WantedCall, call_in
from services.messaging.workers.kafka.bots import KafkaBot
from services.platform.platform import Platform

LARGEST: Final = 256 << 10  # bytes; the largest that Telegram takes without files has a tenth
LONGEST_SHOWN: Final = 2000  # characters of a record that is refused


def wanted_call(record: bytes) -> tuple[WantedCall, Priority]:
    """The call in a record; a `bot_token` beside it is not looked at. Raises InvalidInput `record_invalid` for what is none, and as
    `check_call`.
    """
    if len(record) > LARGEST:
        raise invalid()
    try:
        said = json.loads(record)
    except (ValueError, RecursionError):
        raise invalid() from None
    found = call_in(said)
    if found is None:
        raise invalid()
    return found


def keep_refused(platform: Platform, bot: KafkaBot, record: bytes, why: InvalidInput) -> None:
    """Have the owner of a program see what it wrote that is no call: a dead letter for the first of a kind in an hour.

    Raises Unavailable while the database is away.
    """
    shown = record[: LONGEST_SHOWN * 4].decode(errors="replace")[:LONGEST_SHOWN]
    hour = int(time.time() // 3600)
    with platform.database.transaction() as session:
        store(
            session,
            kind="send",
            source_id=f"kafka:{bot.worker.bot_id}:{hour}:{why.code}",
            error=f"{why.code}: {why.message}",
            where=f"worker: {why.code}",
            bot_id=bot.worker.bot_id,
            payload={"record": shown},
        )


def invalid() -> InvalidInput:
    """What a record that is no call is refused with."""
    example = '{"method": "…", "params": {…}}'
    return InvalidInput(
        Text("A record is a call as JSON, {example}, of at most {most} bytes", example=example, most=LARGEST),
        code="record_invalid",
    )
