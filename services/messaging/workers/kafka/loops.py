"""The two loops of Kafka in the `programs` process. Where there is no Kafka they cost nothing, not even its library."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from services.fleet.workers.transports import has_client
from services.platform.platform import Platform

IDLE_SECONDS: Final = 0.5


def feed_kafka(platform: Platform, goes_on: Callable[[], bool]) -> None:
    """Bring bots' updates to their incoming topics, and settle what their programs have read."""
    if _waits_in_vain(platform, goes_on):
        return
    from services.messaging.workers.kafka.feeding import Feeder  # noqa: PLC0415 - the extra `kafka`

    Feeder(platform).work(goes_on)


def move_from_kafka(platform: Platform, goes_on: Callable[[], bool]) -> None:
    """Bring what programs write to their outgoing topics to the outboxes."""
    if _waits_in_vain(platform, goes_on):
        return
    from services.messaging.workers.kafka.moving import Mover  # noqa: PLC0415 - the extra `kafka`

    Mover(platform).work(goes_on)


def _waits_in_vain(platform: Platform, goes_on: Callable[[], bool]) -> bool:
    """Whether this installation has no Kafka; then until the end of the process, for it will not get one."""
    if platform.settings.kafka_brokers and has_client():
        return False
    while goes_on():
        time.sleep(IDLE_SECONDS)
    return True
