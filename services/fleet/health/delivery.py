"""The delivery layer: do a bot's updates reach us? Judged from what others found out; nothing is asked here.

The webhook guard writes down what getWebhookInfo said, the poller and the reconciler how the bot fares, processes
that they live, and streams how old their oldest entry is. What fails for everybody is shown, but is no bot's fault
and moves no member (as the outage guard has it for getMe).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from models import Bot, BotMode, BotStatus
from services.fleet.bots.webhook_inspection import FRESH_SECONDS
from services.platform.platform import Platform
from services.queueing.backlog import backlogs
from services.queueing.heartbeats import processes

LATE_SECONDS: Final = (
    30.0  # an update that old: the workers are behind (under the shortest lag of conversion)
)
FEWEST_FOR_A_MAJORITY: Final = 3  # as in the outage guard


class DeliveryState(StrEnum):
    """`off`: the owner stopped the bot; `unknown`: nobody has looked lately."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"
    OFF = "off"


class DeliveryCause(StrEnum):
    """Why updates do not arrive; stable words."""

    NOT_SET = "webhook_not_set"
    FAILING = "webhook_failing"
    STOLEN = "webhook_stolen"
    REJECTED = "token_rejected"  # nothing is delivered for it; the identity layer judges that
    POLLING = "polling_failed"
    POLLER_SILENT = "poller_silent"
    BACKLOG = "worker_backlog"
    EVERYWHERE = "public_address"  # most bots' webhooks fail: the address is at fault, not the bots


SHARED: Final = frozenset({DeliveryCause.POLLER_SILENT, DeliveryCause.BACKLOG, DeliveryCause.EVERYWHERE})

REJECTED: Final = frozenset({"unauthorized", "not_found", "frozen"})  # causes of a bot's own status


@dataclass(frozen=True)
class Surroundings:
    """What all bots share: whether a poller lives, and the age in seconds of the oldest unhandled update or click."""

    poller_alive: bool = True
    lag_seconds: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether starts may be missing only because we are behind."""
        return self.lag_seconds > LATE_SECONDS


@dataclass(frozen=True)
class Delivery:
    """A bot's delivery layer; `cause` is empty unless it fails."""

    state: DeliveryState
    cause: str = ""

    @property
    def blames_bot(self) -> bool:
        """Whether members of this bot are degraded for it."""
        return self.state is DeliveryState.FAILING and self.cause not in (*SHARED, DeliveryCause.REJECTED)


def surroundings(platform: Platform) -> Surroundings:
    """Ask Redis what all bots share. Raises RedisError."""
    alive = any(process.service == "poller" and process.is_alive for process in processes(platform))
    lags = [
        one.lag_seconds or 0.0
        for one in backlogs(platform)
        if one.queue == "clicks" or one.queue.startswith("lane:")
    ]
    return Surroundings(alive, max(lags, default=0.0))


def deliveries(bots: Collection[Bot], around: Surroundings, now: datetime) -> dict[int, Delivery]:
    """The delivery layer of each bot by id. When most of three or more webhooks fail, the address is blamed."""
    found = {bot.id: delivery_of(bot, around, now.timestamp()) for bot in bots}
    hooks = [bot.id for bot in bots if bot.mode == BotMode.WEBHOOK and bot.desired_running]
    failing = [bot_id for bot_id in hooks if found[bot_id].blames_bot]
    if len(hooks) >= FEWEST_FOR_A_MAJORITY and len(failing) * 2 > len(hooks):
        found |= dict.fromkeys(failing, Delivery(DeliveryState.FAILING, DeliveryCause.EVERYWHERE))
    return found


def delivery_of(bot: Bot, around: Surroundings, now: float) -> Delivery:
    """The delivery layer of one bot; `now` in epoch seconds."""
    if not bot.desired_running:
        return Delivery(DeliveryState.OFF)
    if bot.status == BotStatus.FAILED and bot.status_cause in REJECTED:
        return Delivery(DeliveryState.FAILING, DeliveryCause.REJECTED)
    polled = bot.mode == BotMode.POLLING
    own = _polling(bot, around) if polled else _webhook(bot.status, bot.webhook_info or {}, now)
    if own.state is DeliveryState.OK and around.is_late:
        return Delivery(DeliveryState.FAILING, DeliveryCause.BACKLOG)
    return own


def _polling(bot: Bot, around: Surroundings) -> Delivery:
    if bot.status == BotStatus.FAILED:
        return Delivery(DeliveryState.FAILING, DeliveryCause.POLLING)
    if not around.poller_alive:
        return Delivery(DeliveryState.FAILING, DeliveryCause.POLLER_SILENT)
    return Delivery(DeliveryState.OK if bot.status == BotStatus.RUNNING else DeliveryState.UNKNOWN)


def _webhook(status: str, facts: Mapping[str, Any], now: float) -> Delivery:
    if status == BotStatus.FAILED:
        return Delivery(DeliveryState.FAILING, DeliveryCause.NOT_SET)
    if not facts or now - facts["at"] > FRESH_SECONDS:
        return Delivery(DeliveryState.UNKNOWN)
    if facts["taken_by"]:
        return Delivery(DeliveryState.FAILING, DeliveryCause.STOLEN)
    pending, error_at = facts["pending"] or 0, facts["error_at"] or 0
    if pending > 0 and facts["error"] and now - error_at <= FRESH_SECONDS:
        return Delivery(DeliveryState.FAILING, DeliveryCause.FAILING)
    return Delivery(DeliveryState.OK)
