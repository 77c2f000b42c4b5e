"""Fleets for the benchmarks: one account, bots that are online, pools `red1`, `red2` … over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from models import Account, Bot, BotMode, MemberStatus, OverLimit, PoolBot, PoolSlug, RedirectPool
from services.core.times import utc_now
from services.fleet.pools.snapshot import publish
from services.platform.platform import Platform
from services.platform.redis import keys

NO_LIMIT = 1_000_000  # requests a minute: counted, never reached


def make_fleet(
    platform: Platform,
    *,
    bots: int,
    pools: int = 1,
    identities: Sequence[Mapping[str, Any]] = (),
    limit: int = NO_LIMIT,
    over_limit: OverLimit = OverLimit.REJECT,
) -> list[int]:
    """Make `pools` pools of equal size, with tracking and without sticky visitors; their ids.

    `identities` are the sandbox's bots; without them, bots whose tokens nobody knows.
    """
    with platform.database.transaction() as session:
        account = Account(email="bench@example.org", password_hash="x")
        session.add(account)
        session.flush()
        made = [_pool(account.id, number, limit, over_limit) for number in range(1, pools + 1)]
        session.add_all(made)
        for index in range(bots):
            identity = identities[index] if identities else _nobody(index + 1)
            bot = _bot(account.id, index + 1, identity)
            session.add(bot)
            session.flush()
            bot.sealed_token = platform.vault.seal(identity["token"], owner=f"bot:{bot.id}")
            member = PoolBot(bot=bot, status=MemberStatus.ONLINE, added_at=utc_now() - timedelta(hours=1))
            made[index * pools // bots].members.append(member)
        session.flush()
        session.add_all([PoolSlug(slug=pool.slug, pool_id=pool.id) for pool in made])
        paths: dict[Any, Any] = {
            bot.path_id: str(bot.id) for pool in made for bot in (one.bot for one in pool.members)
        }
    platform.redis.hset(keys.webhook_paths(), mapping=paths)
    publish(platform, [pool.id for pool in made])
    return [pool.id for pool in made]


def _pool(account_id: int, number: int, limit: int, over_limit: OverLimit) -> RedirectPool:
    return RedirectPool(
        account_id=account_id,
        name=f"Bench {number}",
        slug=f"red{number}",
        max_bots=100,
        rate_limit_per_minute=limit,
        over_limit=over_limit,
    )


def _nobody(number: int) -> dict[str, Any]:
    return {"id": number, "username": f"fleet_{number}_bot", "token": f"{number}:{'A' * 35}"}


def _bot(account_id: int, number: int, identity: Mapping[str, Any]) -> Bot:
    return Bot(
        account_id=account_id,
        public_id=f"bot_{number:012x}",
        telegram_bot_id=identity["id"],
        username=identity["username"],
        sealed_token="x",
        mode=BotMode.WEBHOOK,
        path_id=f"path{number}",
    )
