"""The newest clicks of an account, for watching them arrive: three queries, and never further back than a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from models import Bot, RedirectPool
from services.core.times import utc_now
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.reporting.analytics.segment import Segment
from services.traffic.clicks.listing import ClickFilter, describe_click, list_clicks
from services.traffic.clicks.source import ad_of, campaign_of

SHOWN: Final = 12
LATELY: Final = timedelta(days=1)  # a rare segment is not searched for in all clicks, every few seconds


def latest_clicks(platform: Platform, caller: Principal, segment: Segment) -> dict[str, Any]:
    """`clicks` of the segment, newest first, each with `campaign` and `ad`, and names: `bots` and `pools` by id.

    NotFound for another's pool.
    """
    wanted = ClickFilter(**vars(segment), counted=True, since=utc_now() - LATELY)
    clicks, _ = list_clicks(platform, caller, wanted, limit=SHOWN)
    bots = {click.bot_id for click in clicks if click.bot_id is not None}
    with platform.database.reading() as session:
        owners = {click.account_id for click in clicks}
        names = select(Bot.id, Bot.username).where(Bot.id.in_(bots), Bot.account_id.in_(owners))
        pools = select(RedirectPool.id, RedirectPool.name).where(
            RedirectPool.id.in_({click.pool_id for click in clicks}), RedirectPool.account_id.in_(owners)
        )
        return {
            "clicks": [
                {**describe_click(click), "campaign": campaign_of(click.params), "ad": ad_of(click.params)}
                for click in clicks
            ],
            "bots": {str(bot_id): name for bot_id, name in session.execute(names)},
            "pools": {str(pool_id): name for pool_id, name in session.execute(pools)},
        }
