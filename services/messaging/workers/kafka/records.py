"""What programs write to their outgoing topics: {"method", "params"}, as the seed of this interface has it."""

from __future__ import annotations

import json
from typing import Final

from services.alerts.dead_letters.store import store
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.messaging.workers.answering import WantedCall, check_call
from services.messaging.workers.kafka.bots import KafkaBot
from services.platform.platform import Platform

LARGEST: Final = 1024 * 1024  # bytes; the brokers' own limit unless they are set otherwise
LONGEST_SHOWN: Final = 2000  # characters of a record that is refused


def wanted_call(record: bytes) -> WantedCall:
    """The call in a record; a `bot_token` beside it is dropped. Raises InvalidInput `record_invalid` for what is none, and as
    `check_call`.
    """
    if len(record) > LARGEST:
        raise _invalid("larger than a megabyte")
    try:
        said = json.loads(record)
    except (ValueError, RecursionError):
        raise _invalid("no JSON") from None
    if not isinstance(said, dict) or not isinstance(said.get("method"), str):
        raise _invalid("without a method")
    params = said.get("params") or {}
    if not isinstance(params, dict):
        raise _invalid("its params are no object")
    call = WantedCall(said["method"], params)
    check_call(call)
    return call


def keep_refused(
    platform: Platform, bot: KafkaBot, place: tuple[int, int], record: bytes, why: InvalidInput
) -> None:
    """Make a record that is no call a dead letter, once, for its owner to see. `place` is its partition and offset.

    Raises Unavailable while the database is away.
    """
    partition, offset = place
    shown = record[: LONGEST_SHOWN * 4].decode(errors="replace")[:LONGEST_SHOWN]
    with platform.database.transaction() as session:
        store(
            session,
            kind="send",
            source_id=f"kafka:{bot.worker.bot_id}:{bot.since}:{partition}:{offset}",
            error=f"{why.code}: {why.message}",
            where=f"worker: {why.code}",
            bot_id=bot.worker.bot_id,
            payload={"record": shown},
        )


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(
        Text('A record is {{"method": …, "params": {{…}}}}; this one is {why}', why=why),
        code="record_invalid",
    )
