"""The threads that bring updates to webhooks, shared out among the bots that have some."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from redis import RedisError

from services.core.errors import Unavailable
from services.messaging.workers.giving import WorkGiver
from services.messaging.workers.webhooks.endpoint import Endpoint, WebhookCourier
from services.messaging.workers.webhooks.post import Deadlines
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
CONSUMER: Final = "webhook"
TURN: Final = 20  # updates of one bot before a waiting one has the thread
LEAST_SHARE: Final = 2
LOOK_SECONDS: Final = 0.05  # between looks whether all have ended


class Runners:
    """At most WORKER_WEBHOOK_THREADS of them. A bot's grow in number as long as they find work."""

    def __init__(self, platform: Platform, deadlines: Deadlines, answer_seconds: float) -> None:
        self._giver = WorkGiver(platform)
        self._deadlines = deadlines
        self._courier = WebhookCourier(platform, self._giver, deadlines, answer_seconds)
        self._most = platform.settings.worker_webhook_threads
        self._share = max(
            LEAST_SHARE, self._most // 4
        )  # of one bot, whose endpoint may begin to hang any time
        self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="webhook")
        self._lock = threading.Lock()
        self._served: tuple[Endpoint, ...] = ()
        self._stops = False

    def serve(self, endpoints: Iterable[Endpoint]) -> None:
        """These from now on; what is under way for others comes to its end."""
        now = tuple(endpoints)
        with self._lock:
            former, self._served = self._served, now
        for endpoint in former:
            if endpoint not in now:
                endpoint.is_over = True
                endpoint.client.close()

    def start_all(self) -> None:
        """One more runner for each bot that has work, if its webhook and the pool have room."""
        for endpoint in self._with_work():
            self._start(endpoint)

    def end(self, goodbye_seconds: float) -> None:
        """Let what is under way end; what takes longer is cut off, and given back uncounted."""
        self._stops = True
        deadline = time.monotonic() + goodbye_seconds
        while time.monotonic() < deadline and any(each.runners for each in self._served):
            time.sleep(LOOK_SECONDS)
        self._deadlines.end()
        self._pool.shutdown()
        for endpoint in self._served:
            endpoint.client.close()

    def _with_work(self) -> list[Endpoint]:
        """Those with the fewest runners first: no bot has the whole pool while another waits."""
        return sorted((each for each in self._served if each.has_work), key=lambda each: each.runners)

    def _start(self, endpoint: Endpoint) -> None:
        """One more runner for a bot, if its webhook and the pool have room."""
        with self._lock:
            if self._stops or endpoint.is_over or not self._has_room(endpoint):
                return
            endpoint.runners += 1
        self._pool.submit(self._run, endpoint)

    def _has_room(self, endpoint: Endpoint) -> bool:
        """Endpoints that are down wait for time-outs: they have half of the pool, all together."""
        if endpoint.runners >= min(endpoint.at_once(), self._share):
            return False
        others = self._served
        if sum(each.runners for each in others) >= self._most:
            return False
        ill = sum(each.runners for each in others if each.state.failures)
        return not endpoint.state.failures or ill < max(1, self._most // 2)

    def _run(self, endpoint: Endpoint) -> None:
        """A runner: one update after the other, until there is none or others wait."""
        try:
            for _ in range(TURN):
                if self._stops or endpoint.is_over or endpoint.runners > endpoint.at_once():
                    break
                endpoint.has_work = False  # before asking: what comes afterwards sets it again
                given = self._giver.take(endpoint.worker, most=1, wait_seconds=0, consumer=CONSUMER)
                if not given:
                    break
                endpoint.has_work = True
                self._start(endpoint)
                self._courier.bring(endpoint, given[0])
        except (RedisError, Unavailable) as error:
            logger.warning("a webhook waits: %s", type(error).__name__)
        except Exception:  # whatever it is, its update comes again when its lease has run out
            logger.exception("a webhook's runner ended")
        finally:
            with self._lock:
                endpoint.runners -= 1
            for each in self._with_work():
                self._start(each)
