"""The update side of a worker process: behaviours, contacts and leases shared by all consumers of lanes."""

from __future__ import annotations

import logging
import threading

from redis import RedisError

from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.updates.contacts import Contacts
from services.messaging.updates.contexts import Fleets, no_fleet
from services.messaging.updates.lane_consumer import LaneConsumer, LaneProcess
from services.messaging.updates.lane_reader import READ_AT_ONCE
from services.messaging.updates.shared_quarantine import SharedQuarantine
from services.messaging.updates.timings import DEFAULT_TIMINGS, UpdateTimings
from services.messaging.updates.update_processor import UpdateProcessor
from services.platform.platform import Platform
from services.platform.redis.cache import EVERYTHING
from services.platform.redis.jobs import JobName
from services.queueing.fair_share import FairShare, taking
from services.queueing.process_pace import ProcessPace
from services.queueing.shared_reads import SharedReads
from services.queueing.timeouts import HandlerTimeout, time_limit

logger = logging.getLogger(__name__)
READING_INTERVAL_SECONDS = 0.008  # between two reads of a busy lane
PARTING_SECONDS = 3.0  # for the plugins of all bots together


class UpdateConsumers:
    """What the consumers of one process share. Creating it connects to nothing; `start` begins to listen for changes.

    `fleets` answers for the manager bot.
    """

    def __init__(
        self,
        platform: Platform,
        stopping: threading.Event,
        timings: UpdateTimings = DEFAULT_TIMINGS,
        fleets: Fleets = no_fleet,
    ) -> None:
        self._platform = platform
        self.share = FairShare(platform.settings.update_lanes)
        self.plugins = PluginCache(platform)
        pace = ProcessPace(READING_INTERVAL_SECONDS)
        contacts = Contacts(platform, gather=pace.gather)
        self.processor = UpdateProcessor(platform, self.plugins, contacts, timings, fleets)
        reads = SharedReads(platform.blocking_redis, pace, count=READ_AT_ONCE)
        self._process = LaneProcess(platform, self.processor, SharedQuarantine(), reads, stopping, timings)

    def start(self) -> None:
        """Keep behaviours and switches as fresh as the database."""
        self._platform.changes.subscribe(self.plugins.on_change)
        self._platform.switches.start()

    def stop(self) -> None:
        """End the listening, and the plugins: nothing may be consumed any more."""
        self._platform.changes.unsubscribe(self.plugins.on_change)
        self._platform.switches.stop()
        try:
            with time_limit(PARTING_SECONDS):
                self.plugins.forget(EVERYTHING)
        except HandlerTimeout:
            logger.warning("not every plugin could be told that the process ends")

    def consume(self, lane: int) -> None:
        """Work off one lane; returns at once when somebody else is at it. A missing Redis ends it early."""
        try:
            with taking(self._platform, self.share, "lane", lane, JobName.DRAIN_LANE) as held:
                if held is not None:
                    LaneConsumer(self._process, held, lane).run()
        except RedisError as error:
            logger.warning("lane %d left: Redis does not answer (%s)", lane, type(error).__name__)
