"""What a round does for managed bots, beside what updates bring."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from models import Bot, ManagedBot
from services.core.errors import FlotillaError
from services.operations.managed.managing import may_manage, refresh_rights
from services.operations.managed.registration import Became, lately_waiting, maker_of, register_waiting
from services.operations.managed.rotation import broken_off, fetch_token
from services.operations.managed.spares import offer_spares
from services.operations.managed.telling import say_registered
from services.operations.manager.ensuring import manager_of
from services.platform.platform import Platform

logger = logging.getLogger(__name__)


def keep_managed_bots(platform: Platform) -> None:
    """See the manager's rights, finish what was broken off, offer spares. The clock asks for it every minute; what fails is
    tried again then."""
    refresh_rights(platform)
    manager = manager_of(platform)
    if manager is not None and may_manage(platform):
        for bot in broken_off(platform, manager):
            _tried(partial(fetch_token, platform, manager, bot))
        for row in lately_waiting(platform, manager):
            _tried(partial(_finish, platform, manager, row))
    _tried(partial(offer_spares, platform))


def _finish(platform: Platform, manager: Bot, row: ManagedBot) -> None:
    """Register what waits though its maker is linked: Telegram gave no token, or the account was full."""
    maker = maker_of(platform, row.owner_telegram_id)
    if maker is None:
        return
    if register_waiting(platform, manager, row, maker).became is Became.REGISTERED:
        say_registered(platform, manager, row)


def _tried(work: Callable[[], object]) -> None:
    try:
        work()
    except FlotillaError as error:
        logger.warning("managed bots: %s", error.message)
