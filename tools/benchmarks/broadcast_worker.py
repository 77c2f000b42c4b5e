"""A process that works at ledgers and outboxes and at nothing else, to be killed: starts in a second. No argument."""

from __future__ import annotations

import threading
import time

from services.core.environment import load_settings
from services.messaging.broadcasts.runner import run_broadcasts, wake_if_broadcasting
from services.messaging.outbox.senders import Senders
from services.platform.platform import Platform

PAUSE_SECONDS = 0.05  # between two tries to get a lease


def main() -> None:
    """Until killed."""
    platform, stopping = Platform(load_settings()), threading.Event()
    senders = Senders(platform, stopping)
    senders.start()
    for shard in range(platform.settings.update_lanes):
        threading.Thread(target=_send, args=(senders, shard), daemon=True).start()
    while True:
        if wake_if_broadcasting(platform):
            run_broadcasts(platform, stopping)
        time.sleep(PAUSE_SECONDS)


def _send(senders: Senders, shard: int) -> None:
    while True:
        senders.send_shard(shard)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
