"""All polls of one process: one thread (greenlet in a patched process) per running polling bot."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from redis import RedisError

from services.core.errors import FlotillaError
from services.fleet.bots.cleanup import is_former_forgotten
from services.messaging.polling.polling import Poll, bots_to_poll, is_outdated, poll_of
from services.messaging.updates.intake import Intake
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.platform.telegram.client import TelegramClient

logger = logging.getLogger(__name__)
KEPT_CONNECTIONS = 1000  # one per bot; more bots than that reconnect for each poll
ENDING_SECONDS = 3.0  # for updates that are on their way through the door


@dataclass
class _Running:
    poll: Poll
    thread: threading.Thread


@dataclass
class Poller:
    """Keeps one poll running per bot that is to be polled. `refresh` after every change, `stop` at the end."""

    platform: Platform
    _client: TelegramClient = field(init=False)
    _intake: Intake = field(init=False)
    _running: dict[int, _Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client = TelegramClient(self.platform.settings, pool_size=KEPT_CONNECTIONS)
        self._intake = Intake(self.platform)

    @property
    def bot_ids(self) -> set[int]:
        """The bots being polled."""
        return set(self._running)

    def refresh(self) -> None:
        """Start polls of new and changed bots, and of those whose poll died; stop the others'. Raises Unavailable or RedisError.

        Another identity waits until what Redis keeps of the former one is gone: the reconciler says so.
        """
        wanted = {bot.id: bot for bot in bots_to_poll(self.platform)}
        for bot_id, running in list(self._running.items()):
            bot = wanted.get(bot_id)
            if bot is None or is_outdated(running.poll, bot):
                self._running.pop(bot_id).poll.stop()
            elif not running.thread.is_alive():
                logger.error("the poll of bot %s died; it is started again", bot_id)
                del self._running[bot_id]
        for bot_id in wanted.keys() - self._running.keys():
            if not is_former_forgotten(self.platform, wanted[bot_id]):
                enqueue(self.platform.job_redis, JobName.RECONCILE_BOT, bot_id)
                continue
            poll = poll_of(self.platform, self._intake, self._client, wanted[bot_id])
            thread = threading.Thread(target=poll.run, daemon=True, name=f"poll-{bot_id}")
            self._running[bot_id] = _Running(poll, thread)
            thread.start()

    def stop(self) -> None:
        """Stop all polls; updates on their way in get three seconds, the rest stay at Telegram."""
        polls = [running.poll for running in self._running.values()]
        self._running.clear()
        for poll in polls:
            poll.stop()
        deadline = time.monotonic() + ENDING_SECONDS
        while any(poll.is_accepting for poll in polls) and time.monotonic() < deadline:
            time.sleep(0.02)


def refresh_safely(poller: Poller) -> None:
    """`refresh`, or the bots of before while the database is away."""
    try:
        poller.refresh()
    except (FlotillaError, RedisError) as error:
        logger.warning("polling goes on as it is: %s", type(error).__name__)
