"""The sending side of a worker process: session, tokens and leases shared by all consumers of shards."""

from __future__ import annotations

import logging
import threading

from redis import RedisError

from services.messaging.outbox.outbox_consumer import OutboxConsumer, ShardProcess
from services.messaging.outbox.sender_cache import SenderCache
from services.messaging.outbox.sending import Sender
from services.messaging.outbox.store import READ_AT_ONCE
from services.messaging.outbox.timings import DEFAULT_TIMINGS, OutboxTimings
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName
from services.platform.telegram.client import TelegramClient
from services.queueing.fair_share import FairShare, taking
from services.queueing.process_pace import ProcessPace
from services.queueing.shared_reads import SharedReads

logger = logging.getLogger(__name__)
READING_INTERVAL_SECONDS = 0.006  # between two reads of a busy shard
KEPT_CONNECTIONS = 512  # a slow Bot API needs one per call in flight; reopening them costs more than keeping


class Senders:
    """What the sending consumers of one process share. `start` begins to listen for changes."""

    def __init__(
        self, platform: Platform, stopping: threading.Event, timings: OutboxTimings = DEFAULT_TIMINGS
    ) -> None:
        self._platform = platform
        self._tokens = SenderCache(platform)
        self.share = FairShare(platform.settings.update_lanes)
        client = TelegramClient(platform.settings, pool_size=KEPT_CONNECTIONS)
        sender = Sender(platform, client, self._tokens, timings)
        reads = SharedReads(
            platform.blocking_redis, ProcessPace(READING_INTERVAL_SECONDS), count=READ_AT_ONCE
        )
        self._process = ShardProcess(platform, sender, reads, stopping, timings)

    def start(self) -> None:
        """Keep tokens and switches as fresh as the database."""
        self._platform.changes.subscribe(self._tokens.on_change)
        self._platform.switches.start()

    def stop(self) -> None:
        """End the listening."""
        self._platform.changes.unsubscribe(self._tokens.on_change)
        self._platform.switches.stop()

    def send_shard(self, shard: int) -> None:
        """Send what waits in one shard; returns at once when somebody else is at it. A missing Redis ends it early."""
        try:
            with taking(self._platform, self.share, "outbox", shard, JobName.DRAIN_OUTBOX) as held:
                if held is not None:
                    OutboxConsumer(self._process, held, shard).run()
        except RedisError as error:
            logger.warning("outbox %d left: Redis does not answer (%s)", shard, type(error).__name__)
