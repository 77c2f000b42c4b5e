"""A fleet for the benchmarks: one account, bots that are online, one pool `red1` over them."""

from __future__ import annotations

from datetime import timedelta

from models import Account, Bot, BotMode, MemberStatus, PoolBot, PoolSlug, RedirectPool
from services.platform import Platform
from services.pools.snapshot import publish
from services.times import utc_now


def make_fleet(platform: Platform, *, bots: int) -> int:
    """Make them; the pool's id. The client limit is a million, so that one driver may ask all the time."""
    with platform.database.transaction() as session:
        account = Account(email="bench@example.org", password_hash="x")
        session.add(account)
        session.flush()
        pool = RedirectPool(
            account_id=account.id, name="Bench", slug="red1", max_bots=100, rate_limit_per_minute=1_000_000
        )
        session.add(pool)
        session.flush()
        session.add(PoolSlug(slug="red1", pool_id=pool.id))
        for number in range(1, bots + 1):
            bot = Bot(
                account_id=account.id,
                public_id=f"bot_{number:012x}",
                telegram_bot_id=number,
                username=f"fleet_{number}_bot",
                sealed_token="x",
                mode=BotMode.POLLING,
                path_id=f"path{number}",
            )
            pool.members.append(
                PoolBot(bot=bot, status=MemberStatus.ONLINE, added_at=utc_now() - timedelta(hours=1))
            )
    publish(platform, [pool.id])
    return pool.id
