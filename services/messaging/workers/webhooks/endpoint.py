"""One update on its way to a program's webhook, and what becomes of it."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from services.core.errors import Conflict, InvalidInput
from services.fleet.workers.tokens import WorkerIdentity
from services.messaging.workers.answering import WantedCall, WorkAnswers
from services.messaging.workers.giving import Given, WorkGiver, queue_of
from services.messaging.workers.webhooks.methods import ProgramWebhook
from services.messaging.workers.webhooks.post import Deadlines, PostFailed, Reply, WebhookClient
from services.messaging.workers.webhooks.reply import call_in
from services.messaging.workers.webhooks.state import EndpointState
from services.messaging.workers.webhooks.trouble import note_trouble
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
TOO_LONG: Final = "The webhook's answer was too long; it was not read"
OF_LEASE: Final = 0.9  # of a lease for the answer, so that it is settled under it


@dataclass(eq=False)
class Endpoint:
    """The webhook of one bot's program, as this process serves it. The counts are changed under the runners' lock."""

    worker: WorkerIdentity
    webhook: ProgramWebhook
    client: WebhookClient
    state: EndpointState
    runners: int = 0
    has_work: bool = False  # as far as is known; it may rest, or wait for a thread
    is_over: bool = False  # another has its place
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at_once(self) -> int:
        """How many updates it may have at a time just now."""
        with self._lock:
            return self.state.at_once(time.monotonic(), self.webhook.connections)

    def succeeded(self, update: str) -> None:
        """It took an update."""
        with self._lock:
            self.state.succeeded(update, time.monotonic())

    def failed(self, update: str, failure: PostFailed) -> bool:
        """Whether its failure counts against the update."""
        with self._lock:
            return self.state.failed(
                update, time.monotonic(), reached=failure.reached, retry_after=failure.retry_after
            )


class WebhookCourier:
    """Brings single updates, for all runners of a process."""

    def __init__(
        self, platform: Platform, giver: WorkGiver, deadlines: Deadlines, answer_seconds: float
    ) -> None:
        self._platform = platform
        self._answers = WorkAnswers(platform, giver)
        self._deadlines = deadlines
        self._answer_seconds = answer_seconds

    def bring(self, endpoint: Endpoint, given: Given) -> None:
        """Post an update, and do what follows from the answer. Raises RedisError, Unavailable."""
        worker, work, wanted = endpoint.worker, given.work, endpoint.webhook.updates
        if wanted and not set(wanted) & given.update.keys():
            self._settle(endpoint, given, None)
            return
        body = json.dumps(given.update, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            reply = endpoint.client.post(body, min(self._answer_seconds, worker.lease_seconds * OF_LEASE))
        except PostFailed as failure:
            self._failed(endpoint, given, failure)
            return
        endpoint.succeeded(work.request_id)
        self._settle(endpoint, given, reply)

    def _settle(self, endpoint: Endpoint, given: Given, reply: Reply | None) -> None:
        """Be done with an update, and do what the answer asks for; a call that may not be made is left out, as at Telegram."""
        worker, lease = endpoint.worker, given.work.lease
        calls: list[WantedCall] = []
        try:
            if reply is not None:
                calls = call_in(reply.content_type, reply.body or b"")
                if reply.body is None:
                    note_trouble(self._platform.redis, worker.bot_id, TOO_LONG)
            try:
                self._answers.respond(worker, lease, calls, bounded=False)
            except InvalidInput as error:
                note_trouble(self._platform.redis, worker.bot_id, f"The webhook's answer: {error.message}")
                self._answers.respond(worker, lease, ())
        except Conflict:
            logger.info("a webhook answered when its update was offered again already")

    def _failed(self, endpoint: Endpoint, given: Given, failure: PostFailed) -> None:
        worker, work = endpoint.worker, given.work
        if self._deadlines.are_over:
            counts = False  # the process ends: it was not the program's fault
        else:
            counts = endpoint.failed(work.request_id, failure)
            note_trouble(self._platform.redis, worker.bot_id, str(failure))
        logger.info("a webhook did not take an update: %s", failure, extra={"bot_id": worker.bot_id})
        if not counts:
            queue_of(self._platform, worker).give_back(work, worker.lease_seconds, 0.0, counts=False)
            return
        try:
            self._answers.fail(worker, work.lease, f"Webhook: {failure}")
        except Conflict:
            logger.info("a webhook failed when its update was offered again already")
