"""The one platform of a process outside the web, and whether that process is being stopped."""

from __future__ import annotations

import gc
import threading
from functools import cache
from typing import TYPE_CHECKING

from services.core.environment import settings_or_exit
from services.core.logs import configure_logging
from services.core.observability import watch_from_outside
from services.platform.platform import Platform, build_platform
from services.platform.redis.address import check_redis_known

if TYPE_CHECKING:
    from services.messaging.outbox.senders import Senders
    from services.messaging.updates.contexts import Fleets
    from services.messaging.updates.update_consumers import UpdateConsumers

# An update makes hundreds of objects that end with it. Looking for garbage after each 700 that stay, as Python does, took
# a fifteenth of a worker's time and stopped it for 33 ms every three seconds.
COLLECTED_AFTER = (20_000, 10, 10)

# Set at SIGTERM: drains hand back what they hold and every loop ends.
stopping = threading.Event()


@cache
def platform() -> Platform:
    """What this process works with, from the environment, built on first use; a wrong one ends the process."""
    return build_platform(settings_or_exit(check_redis_known))


@cache
def update_consumers() -> UpdateConsumers:
    """What the drains of lanes share in this process; listens for changes from first use on."""
    from services.messaging.updates.update_consumers import UpdateConsumers  # noqa: PLC0415 - with telebot 9 MB, which only the worker needs

    shared = UpdateConsumers(platform(), stopping, fleets=lambda ctx: _manager_desk()(ctx))
    shared.start()
    return shared


@cache
def _manager_desk() -> Fleets:
    from services.operations.manager.desk import ManagerDesk  # noqa: PLC0415 - a tenth of a start, which one bot alone needs

    return ManagerDesk(platform())


def stop_consumers() -> None:
    """End what `update_consumers` gave, if it was ever asked: the bots' plugins are told."""
    if update_consumers.cache_info().currsize:
        update_consumers().stop()


@cache
def senders() -> Senders:
    """What the drains of outboxes share in this process; listens for changes from first use on."""
    from services.messaging.outbox.senders import Senders  # noqa: PLC0415 - as above

    shared = Senders(platform(), stopping)
    shared.start()
    return shared


def begin(service: str) -> Platform:
    """The platform of a fresh process, with its logging set up. `service` is worker, clock, poller, programs or ledgers.

    What was imported by now stays, and no search for garbage looks at it again.
    """
    configure_logging(platform().settings, service)
    watch_from_outside(platform().settings, service)
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    gc.enable()
    return platform()
