"""Receiving one bot's updates by getUpdates: the same door as webhooks, the offset moved only behind it."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import Bot, BotMode, BotStatus
from services.alerts.notifications.kinds import Kind
from services.core.errors import (
    ConfigurationError,
    FlotillaError,
    Rejected,
    TokenRejected,
    TooManyRequests,
    Unavailable,
)
from services.core.i18n import Text
from services.fleet.bots.status import notify_owner, write_status
from services.fleet.bots.webhooks import allowed_updates_of
from services.messaging.updates.intake import Intake
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, enqueue
from services.platform.telegram.client import TelegramClient
from services.platform.telegram.refusals import rejection_cause
from services.platform.tokens import token_of

logger = logging.getLogger(__name__)
POLL_SECONDS = 25  # a long poll; Telegram and proxies before it cut at 50 to 60
POLL_GRACE_SECONDS = 10.0  # read timeout = poll time + 10 s
OFFSET_SECONDS = 2 * 24 * 3600
# The first conflict may be our own predecessor's poll that Telegram still holds open.
CONFLICTS_BEFORE_ALERT = 2
WEBHOOK_ACTIVE = "webhook is active"


@dataclass(frozen=True)
class PollTimings:
    """How long a poll waits after what, in seconds; tests give shorter times."""

    backoff: tuple[float, float] = (1.0, 30.0)  # after a failure, doubled from the first to the second
    dead_token: float = 60.0  # a rejected token may come back (401 has been seen to flap): ask slowly
    conflict: float = 20.0  # each poll of ours cuts off the other program's: no hurry
    peace: float = 60.0  # so long without a conflict, and the other program is taken to be gone
    fruitless: float = (
        1.0  # from one long poll to the next when it brought nothing, however soon that was said
    )


@dataclass
class Poll:
    """The polling of one bot. `run` returns after `stop`; a poll under way then ends unheeded, nothing is confirmed."""

    platform: Platform
    intake: Intake
    client: TelegramClient
    bot: Bot
    allowed_updates: tuple[str, ...]
    timings: PollTimings = PollTimings()
    stopped: threading.Event = field(default_factory=threading.Event)
    offset: int = 0  # 0: everything that Telegram does not know to be confirmed
    troubles: int = 0  # consecutive failures
    conflicts: int = 0  # 409 answers that came less than `peace` after one another
    conflict_at: float = 0.0  # when the last one came (monotonic)
    is_accepting: bool = False

    def stop(self) -> None:
        """Have `run` return; updates that were fetched and not yet accepted stay at Telegram."""
        self.stopped.set()

    def run(self) -> None:
        """Poll until stopped. Troubles are waited out, and the bot's status tells of them."""
        seconds = 0  # the first poll returns at once, so that the status soon tells the truth
        while not self.stopped.is_set():
            began = time.monotonic()
            try:
                if not self.once(seconds) and seconds:
                    self.stopped.wait(max(0.0, began + self.timings.fruitless - time.monotonic()))
                seconds = POLL_SECONDS
            except (FlotillaError, RedisError) as error:
                seconds = 0
                self.troubles += 1
                if not self.stopped.is_set():  # a poll that was cut off by its successor says so with a 409
                    self.stopped.wait(self._after(error))

    def once(self, seconds: int) -> int:
        """One getUpdates of at most `seconds`; how many updates it brought that are not confirmed. Raises what went wrong."""
        updates = self._fetch(seconds)
        if self.stopped.is_set():
            return 0
        self.troubles = 0
        if time.monotonic() - self.conflict_at >= self.timings.peace:
            self.conflicts = (
                0  # no sooner: of two programs that cut each other's polls off, the later one succeeds
            )
        if self.conflicts < CONFLICTS_BEFORE_ALERT:
            write_status(self.platform, self.bot, BotStatus.RUNNING)
        self.is_accepting = True
        try:
            self._accept(updates)
        finally:
            self.is_accepting = False
        return sum((_id_of(update) or 0) >= max(self.offset, 1) for update in updates)

    def _fetch(self, seconds: int) -> list[Any]:
        known = self.platform.redis.get(keys.polling_offset(self.bot.id, self.bot.identity))
        self.offset = int(known) if known else 0
        updates = self.client.call(
            token_of(self.platform, self.bot),
            "getUpdates",
            {
                "offset": self.offset or None,
                "timeout": seconds,
                "allowed_updates": list(self.allowed_updates),
            },
            read_timeout=seconds + POLL_GRACE_SECONDS,
        )
        return updates if isinstance(updates, list) else []

    def _accept(self, updates: list[Any]) -> None:
        key = keys.polling_offset(self.bot.id, self.bot.identity)
        if not updates and self.offset:
            # Everything before the offset is confirmed; kept longer, it could hide ids that start anew below it.
            self.platform.redis.delete(key)
        behind = None
        try:
            for update in updates:
                behind = self._take(update) or behind
        finally:
            if behind is not None:
                self.platform.redis.set(key, behind + 1, ex=OFFSET_SECONDS)

    def _take(self, update: Any) -> int | None:
        """Bring one update through the door; its id, once it is in."""
        update_id = _id_of(update)
        if update_id is None:
            self.intake.give_up(self.bot.id, "not_json_update", json.dumps(update).encode())
            return None
        self.intake.accept(self.bot.id, update)
        return update_id

    def _after(self, error: FlotillaError | RedisError) -> float:
        """Tell of the trouble; the seconds to wait. Nothing here raises, so that polling goes on."""
        try:
            return self._answer_to(error)
        except (FlotillaError, RedisError) as another:
            logger.warning("bot %s: polling waits: %s", self.bot.id, type(another).__name__)
            return self._backoff()

    def _answer_to(self, error: FlotillaError | RedisError) -> float:
        if isinstance(error, TokenRejected | ConfigurationError):
            self._fail(error.text, rejection_cause(error) if isinstance(error, TokenRejected) else "")
            return self.timings.dead_token
        if isinstance(error, Rejected):
            return self._conflict(error) if error.error_code == 409 else self._refused(error)
        if isinstance(error, Unavailable | RedisError):
            logger.warning("bot %s: updates are left at Telegram: %s", self.bot.id, type(error).__name__)
            return (error.retry_after if isinstance(error, Unavailable) else None) or self._backoff()
        if self.troubles > 2:  # a single lost connection is everyday life
            write_status(
                self.platform, self.bot, None, Text("{trouble}; it is tried again", trouble=error.text)
            )
        return (
            error.retry_after if isinstance(error, TooManyRequests) and error.retry_after else self._backoff()
        )

    def _fail(self, reason: Text, cause: str) -> None:
        if self.bot.status != BotStatus.FAILED:
            enqueue(self.platform.job_redis, JobName.CHECK_BOT, self.bot.id)  # its pools learn of it at once
        write_status(self.platform, self.bot, BotStatus.FAILED, reason, cause)

    def _refused(self, error: Rejected) -> float:
        self._fail(Text("Telegram refuses: {reason}", reason=error.text), rejection_cause(error))
        return self.timings.dead_token

    def _conflict(self, error: Rejected) -> float:
        """409: a webhook is set, which the reconciler removes, or another program polls with our token."""
        self.conflicts, self.conflict_at = self.conflicts + 1, time.monotonic()
        if WEBHOOK_ACTIVE in error.message:
            enqueue(self.platform.job_redis, JobName.RECONCILE_BOT, self.bot.id)
        if self.conflicts < CONFLICTS_BEFORE_ALERT:
            return self.timings.backoff[0]
        if self.conflicts == CONFLICTS_BEFORE_ALERT:
            with self.platform.database.transaction() as session:
                notify_owner(session, self.bot, Kind.POLLED_ELSEWHERE)
        write_status(
            self.platform,
            self.bot,
            None,
            Text("Another program uses this token and gets its messages; stop it there"),
            "polled_elsewhere",
        )
        return self.timings.conflict

    def _backoff(self) -> float:
        first, most = self.timings.backoff
        longest = min(first * 2.0 ** min(self.troubles, 10), most)
        return longest * random.uniform(0.5, 1.0)


def _id_of(update: Any) -> int | None:
    update_id = update.get("update_id") if isinstance(update, dict) else None
    return update_id if isinstance(update_id, int) and not isinstance(update_id, bool) else None


def bots_to_poll(platform: Platform) -> list[Bot]:
    """The running polling bots, with plugins. A new one waits until its old updates were dropped."""
    query = select(Bot).where(Bot.mode == BotMode.POLLING, Bot.desired_running, Bot.pending_dropped)
    with platform.database.reading() as session:
        return list(session.scalars(query.order_by(Bot.id).options(selectinload(Bot.plugins))))


def poll_of(platform: Platform, intake: Intake, client: TelegramClient, bot: Bot) -> Poll:
    """The polling of a bot whose plugins are loaded."""
    return Poll(platform, intake, client, bot, allowed_updates_of(bot))
