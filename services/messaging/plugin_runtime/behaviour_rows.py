"""What the database says of bots' behaviour, read for many bots in as many queries as for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models import Bot, BotWorker
from plugins.context import BotFacts, Strategy
from services.core.times import utc_now
from services.fleet.bots.access import rules_of_many
from services.fleet.bots.access_rules import AccessRules
from services.fleet.bots.identity import Identity
from services.messaging.plugin_runtime.behaviour import ChosenPlugin, PeopleLimits
from services.messaging.plugin_runtime.external_worker import ExternalWorker
from services.platform.database import Database


@dataclass(frozen=True)
class BehaviourRow:
    """All that a bot's behaviour is built from, but the code of its plugins."""

    bot: BotFacts
    account_id: int
    active: bool
    chosen: Sequence[ChosenPlugin]
    access: AccessRules
    people: PeopleLimits
    identity: Identity
    worker: ExternalWorker | None


def read_rows(database: Database, bot_ids: Sequence[int]) -> Mapping[int, BehaviourRow]:
    """By id what is stored of those bots that there are. Raises Unavailable when the database is away."""
    with database.reading() as session:
        wanted = select(Bot).where(Bot.id.in_(bot_ids)).options(selectinload(Bot.plugins))
        bots = session.scalars(wanted).all()
        if not bots:
            return {}
        access = rules_of_many(session, bots, utc_now())
        at_work = (BotWorker.bot_id.in_(bot_ids), BotWorker.ending_since.is_(None))
        columns = select(BotWorker.bot_id, BotWorker.ordered).where(*at_work)
        workers = {row.bot_id: row.ordered for row in session.execute(columns)}
        return {bot.id: _row(bot, access[bot.id], workers.get(bot.id)) for bot in bots}


def _row(bot: Bot, access: AccessRules, ordered: bool | None) -> BehaviourRow:
    """`ordered` is how the bot's worker takes updates; None without one."""
    return BehaviourRow(
        _facts(bot),
        bot.account_id,
        bot.desired_running,
        [
            ChosenPlugin(choice.name, choice.config, choice.config_version)
            for choice in bot.plugins
            if choice.enabled and ordered is None
        ],
        access,
        PeopleLimits(bot.limits_people, bot.rate_per_minute, bot.rate_burst),
        Identity.of(bot),
        None if ordered is None else ExternalWorker(bot.public_id, ordered),
    )


def _facts(bot: Bot) -> BotFacts:
    return BotFacts(
        bot.id,
        bot.username,
        bot.name,
        Strategy(bot.fsm_strategy),
        bot.parse_mode or None,
        bot.disable_web_page_preview,
        bot.is_manager,
        bot.keeps_messages,
    )
