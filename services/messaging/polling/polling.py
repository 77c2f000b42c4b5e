"""Receiving one bot's updates by getUpdates: the same door as webhooks, the offset moved only behind it."""

from __future__ import annotations

import json
import logging
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
from services.messaging.polling.conflicts import Conflicts
from services.messaging.polling.timings import DEFAULT_TIMINGS, PollTimings
from services.messaging.updates.intake import Intake, is_update_id
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
WEBHOOK_ACTIVE = "webhook is active"


@dataclass
class Poll:
    """The polling of one bot. `run` returns after `stop`; a poll under way then ends unheeded, nothing is confirmed."""

    platform: Platform
    intake: Intake
    client: TelegramClient
    bot: Bot
    allowed_updates: tuple[str, ...]
    timings: PollTimings = DEFAULT_TIMINGS
    stopped: threading.Event = field(default_factory=threading.Event)
    offset: int = 0  # 0: everything that Telegram does not know to be confirmed
    troubles: int = 0  # consecutive failures
    conflicts: Conflicts = field(default_factory=Conflicts)
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
        self.conflicts.note_success(self.timings)
        self.is_accepting = True
        try:
            self._accept(updates)
        finally:
            self.is_accepting = False
        if not self.conflicts.are_many:  # last: without the database updates are taken all the same
            write_status(self.platform, self.bot, BotStatus.RUNNING)
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
                if self.stopped.is_set():
                    break
                behind = self._take(update) or behind
        finally:
            if behind is not None:
                self.platform.redis.set(key, behind + 1, ex=OFFSET_SECONDS)

    def _take(self, update: Any) -> int | None:
        """Bring one update through the door; its id, once it is in."""
        update_id = _id_of(update)
        if update_id is None:
            self.intake.give_up(self.bot.id, "not_json_update", _dumped(update))
            return None
        self.intake.accept(self.bot.id, update)
        return update_id

    def _after(self, error: FlotillaError | RedisError) -> float:
        """Tell of the trouble; the seconds to wait. Nothing here raises, so that polling goes on."""
        try:
            return self._answer_to(error)
        except (FlotillaError, RedisError) as another:
            logger.warning("bot %s: polling waits: %s", self.bot.id, type(another).__name__)
            return self.timings.pause_after(self.troubles)

    def _answer_to(self, error: FlotillaError | RedisError) -> float:
        if isinstance(error, TokenRejected | ConfigurationError):
            self._fail(error.text, rejection_cause(error) if isinstance(error, TokenRejected) else "")
            return self.timings.dead_token
        if isinstance(error, Rejected):
            return self._conflict(error) if error.error_code == 409 else self._refused(error)
        if isinstance(error, Unavailable | RedisError):
            why = error.code if isinstance(error, Unavailable) else type(error).__name__
            logger.warning("bot %s: polling waits: %s", self.bot.id, why)
            if why == "backlog_full" and not self.conflicts.are_many:  # Telegram and the token are well
                write_status(self.platform, self.bot, BotStatus.RUNNING)
            return (
                error.retry_after if isinstance(error, Unavailable) else None
            ) or self.timings.pause_after(self.troubles)
        if self.troubles > 2:  # a single lost connection is everyday life
            write_status(
                self.platform, self.bot, None, Text("{trouble}; it is tried again", trouble=error.text)
            )
        return (
            error.retry_after
            if isinstance(error, TooManyRequests) and error.retry_after
            else self.timings.pause_after(self.troubles)
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
        is_webhook = WEBHOOK_ACTIVE in error.message
        if is_webhook:
            enqueue(self.platform.job_redis, JobName.RECONCILE_BOT, self.bot.id)
        self.conflicts.note(self.timings, may_be_ours=is_webhook)
        if not self.conflicts.are_many:
            return self.timings.pause_after(self.troubles)
        if not self.conflicts.are_told:
            with self.platform.database.transaction() as session:
                notify_owner(session, self.bot, Kind.POLLED_ELSEWHERE)
            self.conflicts.are_told = True
        write_status(
            self.platform,
            self.bot,
            None,
            Text("Another program uses this token and gets its messages; stop it there"),
            "polled_elsewhere",
        )
        return self.timings.conflict


def _id_of(update: Any) -> int | None:
    update_id = update.get("update_id") if isinstance(update, dict) else None
    return update_id if is_update_id(update_id) else None


def _dumped(update: Any) -> bytes:
    """For people to look at; nothing of what is nested too deep."""
    try:
        return json.dumps(update).encode()
    except RecursionError:
        return b""


def is_outdated(poll: Poll, bot: Bot) -> bool:
    """Whether `bot`, as it is now, is to be polled otherwise: plugins may want other kinds since they were loaded anew."""
    return bot.config_version != poll.bot.config_version or allowed_updates_of(bot) != poll.allowed_updates


def bots_to_poll(platform: Platform) -> list[Bot]:
    """The running polling bots, with plugins. A new one waits until its old updates were dropped."""
    query = select(Bot).where(Bot.mode == BotMode.POLLING, Bot.desired_running, Bot.pending_dropped)
    with platform.database.reading() as session:
        return list(session.scalars(query.order_by(Bot.id).options(selectinload(Bot.plugins))))


def poll_of(platform: Platform, intake: Intake, client: TelegramClient, bot: Bot) -> Poll:
    """The polling of a bot whose plugins are loaded."""
    return Poll(platform, intake, client, bot, allowed_updates_of(bot))
