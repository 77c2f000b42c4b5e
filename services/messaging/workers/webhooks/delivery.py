"""Bringing updates to the webhooks of bots' programs, as Telegram brings them to ours: the loop of the `programs` process.

Hints say which bots got something; all are looked at every few seconds besides. A bot that has something gets *runners*, tasks of a
bounded pool of threads: each takes an update, posts it and settles it, and a bot's runners grow up to what its webhook allows as long
as they find work. A bot without updates costs its share of one look.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from redis import RedisError
from sqlalchemy import select

from models import Bot, BotWorker
from services.core.errors import Unavailable
from services.core.kafka_settings import Transport
from services.fleet.workers.tokens import IDENTITY, WorkerIdentity, identity_of
from services.messaging.workers.webhooks.endpoint import Endpoint
from services.messaging.workers.webhooks.methods import ProgramWebhook, checked_target, webhook_of
from services.messaging.workers.webhooks.post import Deadlines, WebhookClient
from services.messaging.workers.webhooks.runners import Runners
from services.messaging.workers.webhooks.state import FIRST_REST, EndpointState
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from services.queueing.work_hints import WorkHints
from services.queueing.work_queue import lags

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WebhookTimings:
    """All in seconds; tests give shorter ones."""

    answer: float = 60.0  # for one update, as Telegram waits; never more than nine tenths of its lease
    tick: float = 0.5  # how long one read of hints waits: who is late is cut off so much later
    breath: float = 0.02  # after hints, which come one by one from all bots
    first_rest: float = FIRST_REST  # of an endpoint that is down, after the first failure
    look: float = 5.0  # between looks at all bots
    refresh: float = 30.0  # between looks at the rows, though nothing was announced
    goodbye: float = 2.0  # for what is under way when the process is to end


DEFAULT_TIMINGS: Final = WebhookTimings()


class WebhookDelivery:
    """Serves all webhooks of the installation until told to stop."""

    def __init__(self, platform: Platform, timings: WebhookTimings = DEFAULT_TIMINGS) -> None:
        self._platform = platform
        self._timings = timings
        self._deadlines = Deadlines()
        self._runners = Runners(platform, self._deadlines, timings.answer)
        self._endpoints: dict[int, Endpoint] = {}
        self._changed = threading.Event()
        self._hints = WorkHints(platform.blocking_redis)
        self._look_at = self._refresh_at = 0.0

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Bring updates as long as `goes_on`; what is under way then has `goodbye` seconds."""
        self._platform.changes.subscribe(self._on_change)
        try:
            while goes_on():
                self._turn()
        finally:
            self._platform.changes.unsubscribe(self._on_change)
            self._runners.end(self._timings.goodbye)

    def _turn(self) -> None:
        try:
            self._refresh()
            self._listen()
            self._look()
        except (RedisError, Unavailable) as error:
            logger.warning("webhooks of programs wait: %s", type(error).__name__)
            self._hints.forget()
            time.sleep(self._timings.tick)
        self._deadlines.cut_off(time.monotonic())
        self._runners.start_all()

    def _on_change(self, topic: Topic, _identity: int) -> None:
        if topic in (Topic.BOT, Topic.ANY):
            self._changed.set()

    def _refresh(self) -> None:
        """Know the webhooks as their rows are now."""
        if not self._changed.is_set() and time.monotonic() < self._refresh_at:
            return
        self._changed.clear()
        self._refresh_at = time.monotonic() + self._timings.refresh
        rows = webhooks(self._platform)
        for bot_id, former in list(self._endpoints.items()):
            if rows.get(bot_id) != (former.worker, former.webhook):
                del self._endpoints[bot_id]
        for bot_id in rows.keys() - self._endpoints.keys():
            self._endpoints[bot_id] = self._endpoint(*rows[bot_id])
            self._look_at = 0.0
        self._runners.serve(self._endpoints.values())

    def _endpoint(self, worker: WorkerIdentity, webhook: ProgramWebhook) -> Endpoint:
        target = partial(checked_target, self._platform.settings, webhook.url)
        client = WebhookClient(target, webhook.secret, self._deadlines)
        return Endpoint(worker, webhook, client, EndpointState(self._timings.first_rest))

    def _listen(self) -> None:
        """Wait a moment for hints."""
        if not self._endpoints:
            self._changed.wait(self._timings.tick)
            return
        if not self._hints.began:
            self._hints.begin()
            self._look_at = 0.0
        told = self._hints.wait(self._timings.tick)
        self._note_work(told)
        if told:
            time.sleep(self._timings.breath)

    def _look(self) -> None:
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + self._timings.look
        known = [(each.worker.bot_id, each.worker.public_id) for each in self._endpoints.values()]
        waiting = lags(self._platform.redis, known) if known else []
        self._note_work(bot_id for (bot_id, _), lag in zip(known, waiting, strict=True) if lag)

    def _note_work(self, bot_ids: Iterable[int]) -> None:
        for bot_id in bot_ids:
            if (endpoint := self._endpoints.get(bot_id)) is not None:
                endpoint.has_work = True


def deliver_webhooks(platform: Platform, goes_on: Callable[[], bool]) -> None:
    """The loop of the `programs` process."""
    WebhookDelivery(platform).run(goes_on)


def webhooks(platform: Platform) -> dict[int, tuple[WorkerIdentity, ProgramWebhook]]:
    """The webhooks of the programs of all bots that run, by bot; one query. Raises Unavailable."""
    query = (
        select(*IDENTITY, BotWorker)
        .join(BotWorker, BotWorker.bot_id == Bot.id)
        .where(
            Bot.desired_running.is_(True),
            BotWorker.ending_since.is_(None),
            BotWorker.token_hash.is_not(None),
            BotWorker.sealed_webhook_url != "",
            BotWorker.transport == Transport.REDIS,
        )
    )
    with platform.database.reading() as session:
        return {
            row.id: (identity_of(row), webhook_of(platform.vault, row.BotWorker))
            for row in session.execute(query)
        }
