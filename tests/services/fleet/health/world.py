"""Accounts, bots and pools put straight into the tables, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Account, Bot, BotMode, MemberStatus, Notification, PoolBot, PoolSlug, RedirectPool
from services.alerts.notifications.notify import text_of
from services.core.i18n import translate
from services.core.times import utc_now
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.tokens import owner_of
from tools.servers.sandbox import Sandbox


def add_account(session: Session) -> Account:
    """A fresh account."""
    account = Account(email=f"{uuid4().hex}@example.com", password_hash="x")
    session.add(account)
    session.flush()
    return account


def add_bot(session: Session, account: Account, number: int, username: str = "") -> Bot:
    """A bot without a usable token."""
    bot = Bot(
        account_id=account.id,
        public_id=f"bot_{uuid4().hex[:12]}"[:16],
        telegram_bot_id=number,
        username=username or f"bot{number}_bot",
        sealed_token="",
        mode=BotMode.WEBHOOK,
        path_id=uuid4().hex,
    )
    session.add(bot)
    session.flush()
    return bot


def add_pool(
    session: Session,
    account: Account,
    bots: Sequence[Bot],
    name: str = "P",
    status: str = MemberStatus.ONLINE,
) -> RedirectPool:
    """A pool with these bots as members of one status."""
    slug = f"p{uuid4().hex[:12]}"
    pool = RedirectPool(account_id=account.id, name=name, slug=slug)
    session.add(pool)
    session.flush()
    session.add(PoolSlug(slug=slug, pool_id=pool.id))
    session.add_all(PoolBot(pool_id=pool.id, bot_id=bot.id, status=status) for bot in bots)
    session.flush()
    return pool


def add_member(session: Session) -> PoolBot:
    """A member of a pool of its own, online."""
    account = add_account(session)
    pool = add_pool(session, account, [add_bot(session, account, 1)])
    return session.scalars(select(PoolBot).where(PoolBot.pool_id == pool.id)).one()


@dataclass
class Moving:
    """A clock that only moves when told, or when somebody pauses."""

    now: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.now

    def pause(self, seconds: float) -> None:
        """Let time pass instead of sleeping."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Fleet:
    """One account with bots that live in the sandbox, all in one pool."""

    platform: Platform
    sandbox: Sandbox
    caller: Principal
    pool_id: int
    bot_ids: list[int]
    names: list[str]
    clock: Moving = field(default_factory=Moving)

    def member(self, index: int) -> PoolBot:
        """The member row of a bot in the pool."""
        with self.platform.database.reading() as session:
            return session.scalars(
                select(PoolBot).where(PoolBot.pool_id == self.pool_id, PoolBot.bot_id == self.bot_ids[index])
            ).one()

    def statuses(self) -> list[str]:
        """The members' statuses in order."""
        return [self.member(index).status for index in range(len(self.bot_ids))]

    def told(self) -> list[str]:
        """The account's notifications in Portuguese, oldest first."""
        with self.platform.database.reading() as session:
            return [
                translate(text_of(row), "pt_BR")
                for row in session.scalars(select(Notification).order_by(Notification.id))
            ]

    def pool(self) -> RedirectPool:
        """The pool's row."""
        with self.platform.database.reading() as session:
            return session.get_one(RedirectPool, self.pool_id)


def make_fleet(
    platform: Platform, sandbox: Sandbox, count: int, *, status: str = MemberStatus.ONLINE
) -> Fleet:
    """`count` bots at "Telegram" and in the tables, members of one pool."""
    made = [sandbox.create_bot() for _ in range(count)]
    with platform.database.transaction() as session:
        account = add_account(session)
        bots = [add_bot(session, account, bot["id"], bot["username"]) for bot in made]
        for bot, spec in zip(bots, made, strict=True):
            bot.sealed_token = platform.vault.seal(spec["token"], owner=owner_of(bot.id))
        pool = add_pool(session, account, bots, status=status)
        caller = Principal(account.id, f"account:{account.id}")
        return Fleet(
            platform, sandbox, caller, pool.id, [bot.id for bot in bots], [bot.username for bot in bots]
        )


def pool_in_tables(platform: Platform, count: int) -> Fleet:
    """`count` online members of one pool in the tables alone, for what never asks Telegram."""
    with platform.database.transaction() as session:
        account = add_account(session)
        bots = [add_bot(session, account, number + 1) for number in range(count)]
        pool = add_pool(session, account, bots)
        caller = Principal(account.id, f"account:{account.id}")
        nowhere = cast(Sandbox, None)
        return Fleet(
            platform, nowhere, caller, pool.id, [bot.id for bot in bots], [bot.username for bot in bots]
        )


def moment(seconds: float) -> datetime:
    """`seconds` after a fixed moment."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def count_of(platform: Platform, table: type) -> int:
    """How many rows a table has."""
    with platform.database.reading() as session:
        return int(session.scalar(select(func.count()).select_from(table)) or 0)
