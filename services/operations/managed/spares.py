"""Pools with fewer backups than they want: their owner is offered another one, once for each fall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import Account, Bot, PoolBot, RedirectPool, TelegramLink
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.alerts.notifications.texts import sentence
from services.core.errors import Conflict
from services.core.i18n import translate
from services.core.times import utc_now
from services.fleet.pools.spares import stands_by
from services.operations.managed.managing import may_manage
from services.operations.managed.offers import add_offer, link_of
from services.operations.managed.telling import MAKE, say_in_chat
from services.operations.manager.ensuring import manager_of
from services.platform.platform import Platform


@dataclass(frozen=True)
class _Short:
    """A pool that has just fallen below what it wants."""

    pool_id: int
    spares: int


def offer_spares(platform: Platform) -> int:
    """Offer a backup to the owner of each pool that has fallen short since the last round; how many were."""
    manager = manager_of(platform)
    maker = manager if may_manage(platform) else None
    made = 0
    for short in _fallen(platform):
        offered = _offer(platform, maker, short)
        made += offered is not None
        if offered is not None and manager is not None:
            _tell_in_chat(platform, manager, *offered)
    return made


def _fallen(platform: Platform) -> list[_Short]:
    """The pools that were not short before; those that are no longer are let off meanwhile."""
    with platform.database.reading() as session:
        pools = session.scalars(select(RedirectPool).where(RedirectPool.spare_count > 0)).all()
        spares = _spares(session, [pool.id for pool in pools])
    recovered = [pool.id for pool in pools if pool.spares_short_since and spares[pool.id] >= pool.spare_count]
    if recovered:
        with platform.database.transaction() as session:
            rows = update(RedirectPool).where(RedirectPool.id.in_(recovered))
            session.execute(rows.values(spares_short_since=None))
    return [
        _Short(pool.id, spares[pool.id])
        for pool in pools
        if not pool.spares_short_since and spares[pool.id] < pool.spare_count
    ]


def _spares(session: Session, pool_ids: Iterable[int]) -> Counter[int]:
    query = select(PoolBot, Bot.desired_running).join(Bot, Bot.id == PoolBot.bot_id)
    found = session.execute(query.where(PoolBot.pool_id.in_(pool_ids)))
    return Counter(member.pool_id for member, running in found if stands_by(member, running=running))


def _offer(platform: Platform, manager: Bot | None, short: _Short) -> tuple[int, dict[str, Any]] | None:
    """Note the fall, reserve a name and notify in one transaction; the account and what it is told, None if another
    process was faster."""
    with platform.database.transaction() as session:
        query = select(RedirectPool).where(
            RedirectPool.id == short.pool_id, RedirectPool.spares_short_since.is_(None)
        )
        pool = session.scalar(query.with_for_update())
        if pool is None:
            return None
        pool.spares_short_since = utc_now()
        link = _link(platform, session, manager, pool) if manager is not None else ""
        kind = Kind.SPARES_SHORT
        params = {"pool": pool.name, "spares": short.spares, "wanted": pool.spare_count, "link": link}
        key = f"{kind}:{pool.id}:{pool.spares_short_since:%Y-%m-%dT%H:%M:%S.%f}"
        notify(session, pool.account_id, kind, kind.level, key, params, pool_id=pool.id)
        return pool.account_id, params


def _link(platform: Platform, session: Session, manager: Bot, pool: RedirectPool) -> str:
    """The address of an offer for the pool; "" where its pattern has no name left: that holds up no other pool's."""
    try:
        offer = add_offer(session, manager, pool.account_id, pool, as_spare=True)
    except Conflict:
        return ""
    return link_of(platform, manager, offer, pool).address


def _tell_in_chat(platform: Platform, manager: Bot, account_id: int, params: dict[str, Any]) -> None:
    """The same in the manager's chat, to everybody linked to the account, with the link as a button."""
    query = (
        select(TelegramLink.telegram_id, Account)
        .join(Account, Account.id == TelegramLink.account_id)
        .where(Account.id == account_id, Account.is_active)
    )
    with platform.database.reading() as session:
        people = session.execute(query).all()
    for telegram_id, account in people:
        said = translate(sentence(Kind.SPARES_SHORT, params), account.language)
        button = {"text": translate(MAKE, account.language), "url": params["link"]}
        keyboard = {"inline_keyboard": [[button]]} if params["link"] else None
        say_in_chat(platform, manager, telegram_id, said, keyboard)
