"""One-time links: to the manager bot for an account that is there, and for somebody new an account with its ways in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models import Account
from services.operations.manager.ensuring import manager_of, needed_manager
from services.platform.accounts.administration import create_invited
from services.platform.accounts.password_links import VALID
from services.platform.accounts.principal import Principal
from services.platform.accounts.telegram_links import LinkCode, new_link_code
from services.platform.platform import Platform


@dataclass(frozen=True)
class StartLink:
    """A code, the address that sends it by one tap, and when both end."""

    code: str
    address: str
    expires_at: datetime


@dataclass(frozen=True)
class Invitation:
    """A new account, the secret of the link by which its person chooses a password, and, where there is a manager bot, the
    link by which they run their fleet from the chat; both for a day.
    """

    account: Account
    secret: str
    chat: StartLink | None


def link_for(platform: Platform, caller: Principal) -> StartLink:
    """A link that links whoever opens it to the caller's account. Conflict `no_manager_bot` where there is none."""
    with platform.database.reading() as session:
        bot = needed_manager(session)
    return _opening(platform, bot.username, new_link_code(platform, caller))


def invite(platform: Platform, caller: Principal, email: str, *, is_admin: bool = False) -> Invitation:
    """Make an account for somebody, and links for them. Raises as `create_invited`."""
    account, secret = create_invited(platform, caller, email, is_admin=is_admin)
    bot = manager_of(platform)
    if bot is None:
        return Invitation(account, secret, None)
    code = new_link_code(platform, caller, of=account.id, valid=VALID)
    return Invitation(account, secret, _opening(platform, bot.username, code))


def has_manager(platform: Platform) -> bool:
    """Whether there is a manager bot to be linked to."""
    return manager_of(platform) is not None


def _opening(platform: Platform, username: str, made: LinkCode) -> StartLink:
    address = f"{platform.settings.telegram_link_url}/{username}?start={made.code}"
    return StartLink(made.code, address, made.expires_at)
