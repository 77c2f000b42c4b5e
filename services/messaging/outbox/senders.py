"""The sending side of a worker process: session, tokens and leases shared by all drains."""

from __future__ import annotations

import logging
import threading

from redis import RedisError

from services.messaging.outbox.outbox_consumer import consume_outbox
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.outbox.sending import Sender
from services.platform.platform import Platform
from services.platform.telegram.client import TelegramClient

logger = logging.getLogger(__name__)
KEPT_CONNECTIONS = 512  # a slow Bot API needs one per call in flight; reopening them costs more than keeping


class Senders:
    """What the sending drains of one process share. `start` begins to listen for changes."""

    def __init__(self, platform: Platform, stopping: threading.Event) -> None:
        self._platform = platform
        self._stopping = stopping
        self._tokens = SenderCache(platform)
        client = TelegramClient(platform.settings, pool_size=KEPT_CONNECTIONS)
        self._sending = Sender(platform, client, self._tokens)

    def start(self) -> None:
        """Keep the tokens as fresh as the database."""
        self._platform.changes.subscribe(self._tokens.on_change)

    def stop(self) -> None:
        """End the listening."""
        self._platform.changes.unsubscribe(self._tokens.on_change)

    def send_shard(self, shard: int) -> None:
        """Send what waits in one shard; returns at once when somebody else is at it. A missing Redis ends it early."""
        try:
            consume_outbox(self._platform, self._sending, self._platform.leases, shard, self._stopping)
        except RedisError as error:
            logger.warning("outbox %d left: Redis does not answer (%s)", shard, type(error).__name__)
