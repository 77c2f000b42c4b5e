"""Links by which a bot is made in one tap, each with a username that nobody else is offered meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Bot, BotOffer, ManagedBot, RedirectPool
from services.core.errors import Conflict
from services.core.times import utc_now
from services.fleet.pools.naming import pattern_after, pattern_of, usernames
from services.operations.managed.managing import managing_bot
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.platform import Platform

VALID: Final = timedelta(days=7)
MOST: Final = 100  # open offers of an account; the oldest goes for another one
TRIES: Final = 20  # of people who ask for the same pattern in the same moment


@dataclass(frozen=True)
class CreationLink:
    """An address that makes a bot by one tap, the username that it suggests, and until when nobody else is offered it."""

    address: str
    username: str
    pool_id: int | None
    expires_at: datetime


def creation_link(platform: Platform, caller: Principal, pool_id: int | None = None) -> CreationLink:
    """A link for a new bot of the caller's, which joins that pool as soon as it is made.

    Raises Conflict `no_manager_bot`, `cannot_manage_bots` or `no_name_left`, NotFound for somebody else's pool.
    """
    manager = managing_bot(platform)
    with platform.database.transaction() as session:
        pool = None if pool_id is None else get_owned(session, caller, RedirectPool, pool_id)
        account_id = caller.account_id if pool is None else pool.account_id
        made = add_offer(session, manager, account_id, pool)
        audit(
            session,
            caller,
            "creation_link_made",
            account_id=account_id,
            pool_id=made.pool_id,
            username=made.username,
        )
    return link_of(platform, manager, made, pool)


def add_offer(
    session: Session, manager: Bot, account_id: int, pool: RedirectPool | None, *, as_spare: bool = False
) -> BotOffer:
    """Reserve the first free username of the pool's pattern; without a pool, of one after the manager's own."""
    _clear(session, account_id)
    pattern = pattern_of(pool) if pool else pattern_after(manager.username.lower().removesuffix("bot"))
    for _ in range(TRIES):
        offer = BotOffer(
            account_id=account_id,
            pool_id=pool.id if pool else None,
            username=_first_free(session, pattern),
            as_spare=as_spare,
            expires_at=utc_now() + VALID,
        )
        try:
            with session.begin_nested():
                session.add(offer)
        except IntegrityError:  # somebody was faster by milliseconds: the next number
            continue
        return offer
    raise _none_left()


def link_of(platform: Platform, manager: Bot, offer: BotOffer, pool: RedirectPool | None) -> CreationLink:
    """The address of an offer; the bot is called as its pool unless its maker wants otherwise."""
    address = f"{platform.settings.telegram_link_url}/newbot/{manager.username}/{offer.username}"
    name = f"?name={quote(pool.name[:64])}" if pool else ""
    return CreationLink(address + name, offer.username, offer.pool_id, offer.expires_at)


def claim_offer(session: Session, account_id: int, username: str) -> BotOffer | None:
    """Take the offer that a new bot was made by: the one of its username, else the account's only one.

    People may change the suggested name; with several offers open nobody knows then which one it was.
    """
    session.execute(delete(BotOffer).where(BotOffer.expires_at <= utc_now()))
    mine = session.scalars(select(BotOffer).where(BotOffer.account_id == account_id).with_for_update()).all()
    named = [offer for offer in mine if offer.username == username.lower()]
    found = (named or mine)[0] if named or len(mine) == 1 else None
    if found is not None:
        session.delete(found)
    return found


def _first_free(session: Session, pattern: str) -> str:
    like = pattern.lower().replace("_", r"\_").replace("{n}", "%")
    taken: set[str] = set()
    for column in (Bot.username, ManagedBot.username, BotOffer.username):
        found: Iterable[str] = session.scalars(
            select(func.lower(column)).where(func.lower(column).like(like, escape="\\"))
        )
        taken.update(found)
    name = next((name for name in usernames(pattern.lower()) if name not in taken), None)
    if name is None:
        raise _none_left()
    return name


def _clear(session: Session, account_id: int) -> None:
    session.execute(delete(BotOffer).where(BotOffer.expires_at <= utc_now()))
    newest = select(BotOffer.id).where(BotOffer.account_id == account_id).order_by(BotOffer.id.desc())
    oldest = session.scalars(newest.offset(MOST - 1)).all()
    if oldest:
        session.execute(delete(BotOffer).where(BotOffer.id.in_(oldest)))


def _none_left() -> Conflict:
    return Conflict(
        "Every number of this naming pattern is taken; give the pool another one", code="no_name_left"
    )
