"""What becomes of a bot that somebody made by the manager bot's link: it is registered for whoever made it, or it waits.

Everything is decided by rows that are written before the step they are about, so that an update that comes twice, or a
process that dies in between, ends in the same: the bot once, in its pool, with the token that Telegram has.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import Bot, ManagedBot, PoolBot, RedirectPool
from services.core.errors import Conflict, FlotillaError
from services.core.identifiers import is_telegram_id
from services.core.times import utc_now
from services.fleet.bots.registry import register_bot
from services.fleet.configuration.sharing import register_like
from services.fleet.pools.fields import NewMember
from services.fleet.pools.members import add_member
from services.operations.managed.managing import managed_token
from services.operations.managed.offers import claim_offer
from services.operations.managed.rotation import fetch_token
from services.operations.managed.telling import tell_admins, tell_of_owner
from services.platform.accounts.principal import Principal
from services.platform.accounts.telegram_links import linked_person
from services.platform.platform import Platform

SPARE: Final = -1  # the priority of a backup
TRIED_FOR: Final = timedelta(hours=1)  # so long what waits for its registration is tried again by itself
MOST: Final = 20  # tried in one round


class Became(StrEnum):
    """What a managed bot has become."""

    REGISTERED = "registered"
    WAITS = "waits"  # nobody here is known to have made it
    KNOWN = "known"  # it was registered before, and nothing has changed
    NEW_TOKEN = "new_token"  # noqa: S105  # it was registered before, and has another token now


@dataclass(frozen=True)
class Announced:
    """A managed bot and who owns it at Telegram, as an update says."""

    telegram_bot_id: int
    username: str
    name: str
    owner_id: int
    owner_name: str


@dataclass(frozen=True)
class Outcome:
    """What became of a managed bot, with its row here, the pool that it joined, and why it joined none."""

    became: Became
    username: str
    bot: Bot | None = None
    pool: RedirectPool | None = None
    refused: FlotillaError | None = None


def announced_in(update_: dict[str, Any]) -> Announced | None:
    """What a `managed_bot` update says; None where it names no bot and no person."""
    news = update_.get("managed_bot")
    bot, owner = (news.get("bot"), news.get("user")) if isinstance(news, dict) else (None, None)
    if not isinstance(bot, dict) or not isinstance(owner, dict):
        return None
    if not is_telegram_id(bot.get("id")) or not is_telegram_id(owner.get("id")):
        return None
    whole = " ".join(str(owner.get(part) or "") for part in ("first_name", "last_name")).strip()
    return Announced(
        bot["id"],
        str(bot.get("username", ""))[:32],
        str(bot.get("first_name", ""))[:64],
        owner["id"],
        whole[:64],
    )


def take_announced(platform: Platform, manager: Bot, said: Announced, maker: Principal | None) -> Outcome:
    """Do what an update asks for; `maker` is the account of its person, None for somebody unknown here.

    Raises as `managed_token` where Telegram gives no token, and Conflict `quota_exceeded`; then the bot waits.
    """
    row = _noted(platform, manager, said)
    if row.waits:
        return register_waiting(platform, manager, row, maker)
    bot = _registered(platform, said.telegram_bot_id)
    if bot is None:
        return Outcome(Became.KNOWN, said.username)  # it was deleted here, or let go
    became = Became.NEW_TOKEN if fetch_token(platform, manager, bot) else Became.KNOWN
    return Outcome(became, said.username, bot)


def register_waiting(platform: Platform, manager: Bot, row: ManagedBot, maker: Principal | None) -> Outcome:
    """Register a bot that waits for `maker`, and put it into the pool that its link was made for. Raises as `take_announced`.

    One that is registered already, by whomever, keeps its account.
    """
    bot = _registered(platform, row.telegram_bot_id)
    if maker is None:
        if bot is None:
            tell_admins(platform, row)
            return Outcome(Became.WAITS, row.username)
        _settle(platform, row)
        return Outcome(Became.KNOWN, row.username)
    if bot is None:
        row = _with_offer(platform, row, maker)
        bot = _add(platform, manager, row, maker)
    if bot.account_id != maker.account_id:
        _settle(platform, row)
        return Outcome(Became.KNOWN, row.username)
    pool, refused = _join(platform, row, bot, maker)
    _settle(platform, row)
    return Outcome(Became.REGISTERED, row.username, bot, pool, refused)


def maker_of(platform: Platform, telegram_id: int) -> Principal | None:
    """Whom a person acts for, as the manager bot answers them; None for somebody unknown."""
    allowed = platform.settings.allowed_admin_ids
    found = linked_person(platform, telegram_id) if not allowed or telegram_id in allowed else None
    return None if found is None else found.principal


def waiting_of(platform: Platform, manager: Bot, owner_id: int) -> list[ManagedBot]:
    """The bots that a person made and that wait to be registered, oldest first."""
    with platform.database.reading() as session:
        found = _waiting(manager).where(ManagedBot.owner_telegram_id == owner_id)
        return list(session.scalars(found.order_by(ManagedBot.id)))


def lately_waiting(platform: Platform, manager: Bot) -> list[ManagedBot]:
    """Those that an update told of within the hour: what kept one from being registered may be over."""
    with platform.database.reading() as session:
        found = _waiting(manager).where(ManagedBot.seen_at > utc_now() - TRIED_FOR)
        return list(session.scalars(found.order_by(ManagedBot.id).limit(MOST)))


def all_waiting(platform: Platform) -> list[ManagedBot]:
    """All bots that belong to nobody here, newest first, at most 200."""
    known = select(Bot.telegram_bot_id)
    query = select(ManagedBot).where(ManagedBot.waits, ManagedBot.telegram_bot_id.not_in(known))
    with platform.database.reading() as session:
        return list(session.scalars(query.order_by(ManagedBot.id.desc()).limit(200)))


def _waiting(manager: Bot) -> Any:
    return select(ManagedBot).where(
        ManagedBot.waits, ManagedBot.manager_telegram_id == manager.telegram_bot_id
    )


def _noted(platform: Platform, manager: Bot, said: Announced) -> ManagedBot:
    """The bot's row as the update says it, new if need be; its account is told of another owner in the same step."""
    try:
        with platform.database.transaction() as session:
            return _written(session, manager, said)
    except IntegrityError:  # the same update is being handled twice
        with platform.database.transaction() as session:
            return _written(session, manager, said)


def _written(session: Session, manager: Bot, said: Announced) -> ManagedBot:
    query = select(ManagedBot).where(ManagedBot.telegram_bot_id == said.telegram_bot_id)
    row = session.scalar(query.with_for_update())
    if row is None:
        row = ManagedBot(telegram_bot_id=said.telegram_bot_id, waits=True)
        session.add(row)
    else:
        if row.owner_telegram_id != said.owner_id:
            tell_of_owner(session, said.telegram_bot_id, said.owner_name)
        row.rotating_at = (
            None if row.waits else utc_now()
        )  # until its token was fetched, now or by the next round
    row.manager_telegram_id = manager.telegram_bot_id
    row.username, row.name, row.seen_at = said.username, said.name, utc_now()
    row.owner_telegram_id, row.owner_name = said.owner_id, said.owner_name
    session.flush()
    return row


def _registered(platform: Platform, telegram_bot_id: int) -> Bot | None:
    with platform.database.reading() as session:
        return session.scalar(select(Bot).where(Bot.telegram_bot_id == telegram_bot_id))


def _with_offer(platform: Platform, row: ManagedBot, maker: Principal) -> ManagedBot:
    """The row with the pool that the link was made for: noted before the bot is added, for then the offer is gone."""
    with platform.database.transaction() as session:
        row = session.get_one(ManagedBot, row.id, with_for_update=True)
        if row.pool_id is None:
            offer = claim_offer(session, maker.account_id, row.username)
            row.pool_id, row.as_spare = (offer.pool_id, offer.as_spare) if offer else (None, False)
        return row


def _add(platform: Platform, manager: Bot, row: ManagedBot, maker: Principal) -> Bot:
    token = managed_token(platform, manager, row.telegram_bot_id)
    model = _model(platform, row.pool_id, maker)
    try:
        return (
            register_bot(platform, maker, token)
            if model is None
            else register_like(platform, maker, token, model)
        )
    except Conflict as error:
        bot = _registered(platform, row.telegram_bot_id) if error.code == "bot_exists" else None
        if bot is None:
            raise
        return bot  # the same update, handled twice


def _model(platform: Platform, pool_id: int | None, maker: Principal) -> int | None:
    """The bot whose behaviour a new one gets: the oldest of the pool, unless the pool owns a behaviour or is empty."""
    mine = (PoolBot.pool_id == pool_id, Bot.account_id == maker.account_id)
    query = select(PoolBot.bot_id).join(Bot, Bot.id == PoolBot.bot_id).where(*mine).order_by(PoolBot.id)
    with platform.database.reading() as session:
        pool = session.get(RedirectPool, pool_id) if pool_id else None
        return session.scalar(query.limit(1)) if pool and pool.behaviour_version == 0 else None


def _join(
    platform: Platform, row: ManagedBot, bot: Bot, maker: Principal
) -> tuple[RedirectPool | None, FlotillaError | None]:
    """The pool that the bot is in now, and why not."""
    with platform.database.reading() as session:
        pool = session.get(RedirectPool, row.pool_id) if row.pool_id else None
    if pool is None or pool.account_id != maker.account_id:
        return None, None
    wanted = NewMember(
        bot_id=bot.id, priority=SPARE if row.as_spare else 0, follow=pool.behaviour_version > 0
    )
    try:
        add_member(platform, maker, pool.id, wanted)
    except FlotillaError as error:
        if error.status >= 500:
            raise
        return (pool, None) if error.code == "already_member" else (None, error)
    return pool, None


def _settle(platform: Platform, row: ManagedBot) -> None:
    with platform.database.transaction() as session:
        session.execute(update(ManagedBot).where(ManagedBot.id == row.id).values(waits=False))
