"""What an owner is shown of the way over Redis: the address for the program, and why it would not do."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from typing_extensions import TypedDict

from models import Bot, BotWorker
from services.core.answer_types import Moment, Sentence
from services.core.i18n import NO_TEXT, Text
from services.core.times import from_epoch, iso
from services.fleet.workers.redis_access import TRANSPORT, address_for, is_let_in
from services.platform.platform import Platform
from services.platform.redis import work_keys


class RedisTrouble(StrEnum):
    """What stands against letting programs into Redis."""

    NO_ADDRESS = "no_address"
    REFUSED = "refused"
    TOO_OLD = "too_old"
    OTHER_DATABASE = "other_database"


TEXTS: Final = {
    RedisTrouble.NO_ADDRESS: Text("Programs are not let into Redis here: WORKER_REDIS_URL is not set"),
    RedisTrouble.REFUSED: Text("This Redis does not allow us to make users for programs"),
    RedisTrouble.TOO_OLD: Text(
        "This Redis knows no rights per key: programs are let into Redis 7 or later, or Valkey"
    ),
    RedisTrouble.OTHER_DATABASE: Text(
        "REDIS_URL names another database than 0, to which only Valkey 9.1 or later can confine programs"
    ),
}


class RedisWay(TypedDict):
    """How a program speaks to Redis itself: `url` lacks the password, which is the worker token; null with `reason` where it
    cannot. `refused` counts the calls in `outgoing` that could not be made; why the last of them, and when.
    """

    url: str | None
    reason: Sentence
    refused: int
    refusal: Sentence
    refused_at: Moment | None


def redis_way(platform: Platform, bot: Bot, worker: BotWorker) -> RedisWay:
    """What is known of a worker's way over Redis. Raises RedisError."""
    with platform.redis.pipeline(transaction=False) as pipe:
        pipe.get(work_keys.redis_way())
        pipe.hgetall(work_keys.refused(bot.id))
        state, refused = pipe.execute()
    reason = _reason(platform, worker, state)
    at = refused.get("at")
    return {
        "url": None if reason else address_for(platform.settings, bot.public_id),
        "reason": reason,
        "refused": int(refused.get("count", 0)),
        "refusal": Text.stored(refused.get("text", "")),
        "refused_at": iso(from_epoch(float(at))) if at else None,
    }


def _reason(platform: Platform, worker: BotWorker, state: str | None) -> Text:
    if worker.transport != TRANSPORT:
        return Text("Its updates do not wait in Redis")
    if address_for(platform.settings, "") is None:
        return TEXTS[RedisTrouble.NO_ADDRESS]
    if state is None:
        return Text("Nobody lets programs into Redis at present: the process `programs` does not run")
    if state:
        return TEXTS[RedisTrouble(state)]
    return NO_TEXT if is_let_in(worker) else Text("It has no token")
