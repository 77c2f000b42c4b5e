"""Bots and pools: able to take visitors, and served by us."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import String, cast, func, select

from models import Bot, BotMode, Click, MemberStatus, PoolBot, RedirectPool
from services.core.i18n import Text
from services.core.times import utc_now
from services.fleet.bots.reconcile import has_open_path, rewrite_paths
from services.fleet.health.delivery import REJECTED, DeliveryCause, DeliveryState
from services.operations.doctor.check import NotApplicable, Severity, Topic, check
from services.operations.doctor.facts import Facts
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, enqueue

warning = partial(check, Topic.FLEET, Severity.WARNING)
error = partial(check, Topic.FLEET, Severity.ERROR)
UP: Final = (MemberStatus.ONLINE, MemberStatus.DEGRADED, MemberStatus.SUSPECT)
LOOKED_AT: Final = 3600.0
MANY_ON_SQLITE: Final = 200
MACRO_WINDOW: Final = timedelta(days=1)


def _running(facts: Facts) -> list[Bot]:
    return [bot for bot in facts.bots if bot.desired_running]


@error(
    why=Text(
        "Telegram has deleted or banned them, or the token was renewed elsewhere: they get no visitors and answer nobody."
    ),
    advice=Text("Give them their new token, or let another bot take their place: both on the bot's page."),
)
def tokens_rejected(facts: Facts) -> Text | None:
    """Telegram takes the tokens of all running bots."""
    found = [bot for bot in _running(facts) if bot.status_cause in REJECTED]
    return Text("{n} bots, @{bot} among them", n=len(found), bot=found[0].username) if found else None


def _bring_webhooks(facts: Facts) -> None:
    for bot in _stolen(facts):
        facts.platform.redis.hdel(keys.reconciled(), str(bot.id))
        enqueue(facts.platform.job_redis, JobName.RECONCILE_BOT, bot.id)


def _stolen(facts: Facts) -> list[Bot]:
    causes = (DeliveryCause.STOLEN, DeliveryCause.NOT_SET)
    return [bot for bot in _running(facts) if bot.delivery_cause in causes]


@error(
    why=Text("Their updates go somewhere else, or nowhere."),
    advice=Text(
        "Somebody else has the token: set the webhook again (`--fix`), and renew the token at @BotFather if it happens again."
    ),
    remedy=_bring_webhooks,
)
def webhooks_elsewhere(facts: Facts) -> Text | None:
    """The webhooks of all running bots lead here."""
    found = _stolen(facts)
    return Text("{n} bots, @{bot} among them", n=len(found), bot=found[0].username) if found else None


@error(
    why=Text("People write and hear nothing."),
    advice=Text(
        "The bot's page says what Telegram reports; if it is most bots, look at WEBHOOK_BASE_URL and its certificate."
    ),
)
def updates_not_delivered(facts: Facts) -> Text | None:
    """Telegram delivers the updates of all running bots."""
    mine = (DeliveryCause.FAILING, DeliveryCause.POLLING, DeliveryCause.EVERYWHERE)
    found = [
        bot
        for bot in _running(facts)
        if bot.delivery_state == DeliveryState.FAILING and bot.delivery_cause in mine
    ]
    return Text("{n} bots, @{bot} among them", n=len(found), bot=found[0].username) if found else None


def _look_at_all(facts: Facts) -> None:
    enqueue(facts.platform.job_redis, JobName.RECONCILE_BOTS)


@warning(
    why=Text("Whether their webhooks still lead here, nobody knows."),
    advice=Text("The clock rings for it every minute, and a worker looks; see their logs."),
    remedy=_look_at_all,
)
def bots_not_looked_at(facts: Facts) -> Text | None:
    """All bots were looked at within the hour."""
    if not facts.processes:
        raise NotApplicable
    told: dict[str, str] = facts.platform.redis.hgetall(keys.reconciled())  # type: ignore[assignment]
    looks = {bot: float(value.rpartition(":")[2] or 0) for bot, value in told.items()}
    settled = [bot for bot in facts.bots if bot.created_at < utc_now() - timedelta(seconds=LOOKED_AT)]
    found = [bot for bot in settled if looks.get(str(bot.id), 0) < time.time() - LOOKED_AT]
    return Text("{n} bots, @{bot} among them", n=len(found), bot=found[0].username) if found else None


def _open_paths(facts: Facts) -> None:
    rewrite_paths(facts.platform, facts.bots)


@error(
    why=Text("Telegram is told that there is nobody: their updates are kept for 24 hours, then gone."),
    advice=Text(
        "`flask doctor --fix` writes them anew from the database; the reconciler does so every minute."
    ),
    remedy=_open_paths,
)
def webhook_paths_wrong(facts: Facts) -> Text | None:
    """The paths of webhooks are known to the web processes."""
    right = {bot.path_id: str(bot.id) for bot in facts.bots if has_open_path(bot)}
    known: Any = facts.platform.redis.hgetall(keys.webhook_paths())
    missing = [path for path, bot in right.items() if known.get(path) != bot]
    return Text("{n} are missing", n=len(missing)) if missing else None


@error(
    why=Text("Their visitors get the fallback, or an error."),
    advice=Text("Add bots to the pool, or see on its page what is wrong with those it has."),
)
def pools_without_bots(facts: Facts) -> Text | None:
    """Every active pool has a bot that takes visitors."""
    with facts.platform.database.reading() as session:
        up = select(PoolBot.pool_id).where(PoolBot.status.in_(UP), PoolBot.is_enabled)
        pools = session.scalars(
            select(RedirectPool)
            .where(RedirectPool.is_active, RedirectPool.id.not_in(up))
            .order_by(RedirectPool.id)
        ).all()
    return Text("{n} pools, “{pool}” among them", n=len(pools), pool=pools[0].name) if pools else None


@warning(
    why=Text("The loss of that one bot stops the campaign."),
    advice=Text("Add a second bot, with the priority “Backup” if it is only to stand by."),
)
def pools_with_one_bot(facts: Facts) -> Text | None:
    """Every active pool can lose a bot."""
    if not facts.is_served:
        raise NotApplicable
    with facts.platform.database.reading() as session:
        single = (
            select(RedirectPool.name)
            .join(PoolBot, PoolBot.pool_id == RedirectPool.id)
            .where(RedirectPool.is_active, PoolBot.is_enabled, PoolBot.status.in_(UP))
            .group_by(RedirectPool.id, RedirectPool.name)
            .having(func.count() == 1)
        )
        names = session.scalars(single.order_by(RedirectPool.id)).all()
    return Text("{n} pools, “{pool}” among them", n=len(names), pool=names[0]) if names else None


@warning(
    why=Text("When all bots of such a pool are lost, paid visitors see an error page."),
    advice=Text("Give it a fallback: another pool, or an address, on the pool's page."),
)
def pools_without_fallback(facts: Facts) -> Text | None:
    """Every active pool has a fallback."""
    if not facts.is_served:
        raise NotApplicable
    with facts.platform.database.reading() as session:
        query = select(RedirectPool.name).where(
            RedirectPool.is_active,
            RedirectPool.fallback_url.is_(None),
            RedirectPool.fallback_pool_id.is_(None),
        )
        names = session.scalars(query.order_by(RedirectPool.id)).all()
    return Text("{n} pools, “{pool}” among them", n=len(names), pool=names[0]) if names else None


def _publish_pools(facts: Facts) -> None:
    enqueue(facts.platform.job_redis, JobName.REPAIR_POOLS)


@error(
    why=Text("Web processes decide from it: a pool that is missing there answers 404."),
    advice=Text("A worker repairs it (`--fix` rings for it); see its log."),
    remedy=_publish_pools,
)
def snapshot_incomplete(facts: Facts) -> Text | None:
    """Redis holds the snapshot of every pool."""
    with facts.platform.database.reading() as session:
        wanted = {str(number) for number in session.scalars(select(RedirectPool.id))}
    known: Any = facts.platform.redis.hkeys(keys.pool_snapshot())
    missing = wanted - set(known)
    return Text("{n} pools are missing", n=len(missing)) if missing else None


@warning(
    why=Text("The ad network did not fill in its macro: sources and campaigns cannot be told apart."),
    advice=Text(
        "Enter the link at the network as its parameters, not as text; test it with the network's preview."
    ),
)
def macros_not_filled_in(facts: Facts) -> Text | None:
    """Ad networks fill in their macros."""
    with facts.platform.database.reading() as session:
        recent = select(Click).where(Click.at > utc_now() - MACRO_WINDOW)
        wrong = recent.where(cast(Click.params, String).contains("{{")).order_by(Click.at.desc()).limit(1)
        click = session.scalar(wrong)
    if click is None:
        return None
    name, value = next((name, value) for name, value in click.params.items() if "{{" in str(value))
    return Text("A link came with {name}={value}", name=name, value=str(value)[:60])


@warning(
    why=Text("Macros are for ad networks' links: here nobody fills them in."),
    advice=Text("Write the address as it is meant."),
)
def macro_in_a_fallback(facts: Facts) -> Text | None:
    """Fallback addresses hold no macros."""
    with facts.platform.database.reading() as session:
        wrong = select(RedirectPool.name).where(RedirectPool.fallback_url.contains("{{"))
        name = session.scalar(wrong.limit(1))
    return Text("Pool “{pool}”", pool=name) if name else None


@warning(
    why=Text("SQLite writes one after the other; so many bots under traffic wait for each other."),
    advice=Text("Move to PostgreSQL: a backup, DATABASE_URL, a restore."),
)
def many_bots_on_sqlite(facts: Facts) -> Text | None:
    """So many bots have a database for several writers."""
    if not facts.is_sqlite:
        raise NotApplicable
    number = len(facts.bots)
    return Text("{n} bots", n=number) if number > MANY_ON_SQLITE else None


@warning(
    why=Text("Polling is one process for all bots, and updates come later."),
    advice=Text("Switch them to webhooks on their pages, where WEBHOOK_BASE_URL is set."),
)
def bots_poll_beside_webhooks(facts: Facts) -> Text | None:
    """No bot polls where webhooks work."""
    if not facts.settings.webhook_base_url:
        raise NotApplicable
    found = [bot for bot in _running(facts) if bot.mode == BotMode.POLLING]
    return Text("{n} bots, @{bot} among them", n=len(found), bot=found[0].username) if found else None
