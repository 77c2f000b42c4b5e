"""Links that open the manager bot with a one-time code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.core.errors import Conflict
from services.operations.manager.ensuring import manager_of
from services.platform.accounts.principal import Principal
from services.platform.accounts.telegram_links import LinkCode, new_invitation, new_link_code
from services.platform.platform import Platform


@dataclass(frozen=True)
class StartLink:
    """A code, the address that sends it by one tap, and when both end."""

    code: str
    address: str
    expires_at: datetime


def link_for(platform: Platform, caller: Principal) -> StartLink:
    """A link that links whoever opens it to the caller's account. Conflict `no_manager_bot` where there is none."""
    username = _username(platform)
    return _opening(platform, username, new_link_code(platform, caller))


def invitation(platform: Platform, caller: Principal, email: str) -> StartLink:
    """A link that makes an account for `email` too. Raises as `new_invitation` does, and as `link_for`."""
    username = _username(platform)
    return _opening(platform, username, new_invitation(platform, caller, email))


def has_manager(platform: Platform) -> bool:
    """Whether there is a manager bot to be linked to."""
    return manager_of(platform) is not None


def _username(platform: Platform) -> str:
    bot = manager_of(platform)
    if bot is None:
        raise Conflict("There is no manager bot: set MANAGER_BOT_TOKEN", code="no_manager_bot")
    return bot.username


def _opening(platform: Platform, username: str, made: LinkCode) -> StartLink:
    address = f"{platform.settings.telegram_link_url}/{username}?start={made.code}"
    return StartLink(made.code, address, made.expires_at)
