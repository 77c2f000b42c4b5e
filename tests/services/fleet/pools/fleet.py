"""A small fleet in the database: accounts, bots, pools with online members."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from models import Account, Bot, BotMode, MemberStatus, PoolBot, PoolSlug, RedirectPool
from services.core.times import utc_now
from services.fleet.pools.snapshot import publish
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

_numbers = count(1)


def new_account(platform: Platform) -> Principal:
    """An account, as the caller it is."""
    with platform.database.transaction() as session:
        account = Account(email=f"{next(_numbers)}@example.org", password_hash="x")
        session.add(account)
        session.flush()
        return Principal(account.id, f"account:{account.id}")


def new_bot(platform: Platform, owner: Principal, **fields: Any) -> Bot:
    """A bot that its owner wants to run."""
    number = next(_numbers)
    with platform.database.transaction() as session:
        bot = Bot(
            account_id=owner.account_id,
            public_id=f"bot_{number:012x}",
            telegram_bot_id=number,
            username=f"fleet_{number}_bot",
            sealed_token="x",
            mode=BotMode.POLLING,
            path_id=f"path{number}",
            **fields,
        )
        session.add(bot)
    return bot


def new_pool(
    platform: Platform,
    owner: Principal,
    slug: str,
    members: int | list[dict[str, Any]] = 0,
    **fields: Any,
) -> RedirectPool:
    """A published pool with so many (or such) online members that joined long ago."""
    wanted = [{} for _ in range(members)] if isinstance(members, int) else members
    bots = [new_bot(platform, owner) for _ in wanted]
    with platform.database.transaction() as session:
        pool = RedirectPool(account_id=owner.account_id, name=slug, slug=slug, **fields)
        session.add(pool)
        session.flush()
        session.add(PoolSlug(slug=slug, pool_id=pool.id))
        pool.members = [
            PoolBot(
                bot_id=bot.id,
                **{"status": MemberStatus.ONLINE, "added_at": long_ago(), **member},
            )
            for bot, member in zip(bots, wanted, strict=True)
        ]
    publish(platform, [pool.id])
    return pool


def long_ago() -> datetime:
    """An hour ago: past every slow start and window."""
    return utc_now() - timedelta(hours=1)
