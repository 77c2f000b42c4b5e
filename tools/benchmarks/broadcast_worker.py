"""A process that works at ledgers and outboxes and at nothing else, to be killed: starts in a second.

With the argument `steps` it works at timers and lanes, too: a step of a flow is entered there.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from services.core.environment import load_settings
from services.messaging.broadcasts.runner import run_broadcasts, wake_if_broadcasting
from services.messaging.outbox.senders import Senders
from services.messaging.timers.ringing import ring_due
from services.messaging.updates.update_consumers import UpdateConsumers
from services.platform.platform import Platform

PAUSE_SECONDS = 0.05  # between two tries to get a lease


def main() -> None:
    """Until killed."""
    platform, stopping = Platform(load_settings()), threading.Event()
    senders = Senders(platform, stopping)
    senders.start()
    shards = range(platform.settings.update_lanes)
    for shard in shards:
        _begin(senders.send_shard, shard)
    if sys.argv[1:] == ["steps"]:
        inbound = UpdateConsumers(platform, stopping)
        inbound.start()
        for lane in shards:
            _begin(inbound.consume, lane)
        _begin(ring_due, platform)
    while True:
        if wake_if_broadcasting(platform):
            run_broadcasts(platform, stopping)
        time.sleep(PAUSE_SECONDS)


def _begin(work: Callable[[Any], object], what: Any) -> None:
    threading.Thread(target=_for_ever, args=(work, what), daemon=True).start()


def _for_ever(work: Callable[[Any], object], what: Any) -> None:
    while True:
        work(what)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
