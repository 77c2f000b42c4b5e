"""The people of an audience as one query, which counts, lists and ledgers are made of."""

from __future__ import annotations

import json

from sqlalchemy import ColumnElement, Select, String, cast, false, or_, select

from models import Lead, PoolBot, RedirectPool
from services.traffic.audience.conditions import Conditions


def select_people(account_id: int, conditions: Conditions) -> Select[int, int, int]:
    """Lead id, bot id and Telegram id of every lead of the account that `conditions` hold of."""
    query = select(Lead.id, Lead.bot_id, Lead.telegram_id).where(Lead.account_id == account_id)
    if conditions.bots:
        query = query.where(Lead.bot_id.in_(conditions.bots))
    if conditions.pools:
        members = (
            select(PoolBot.bot_id)
            .join(RedirectPool, RedirectPool.id == PoolBot.pool_id)
            .where(PoolBot.pool_id.in_(conditions.pools), RedirectPool.account_id == account_id)
        )
        query = query.where(Lead.bot_id.in_(members))
    if conditions.tags_any:
        query = query.where(or_(false(), *(has_tag(tag) for tag in conditions.tags_any)))
    for tag in conditions.tags_none:
        query = query.where(~has_tag(tag))
    return query


def has_tag(tag: str) -> ColumnElement[bool]:
    """The condition of leads that have the tag."""
    return cast(Lead.tags, String).contains(json.dumps(tag), autoescape=True)
