"""The bots of an account: register, list, change, delete. Telegram is asked before a transaction, never inside."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from models import Bot, BotMode, PoolBot
from services.alerts.notifications.senders import promote_reserves
from services.core.errors import Conflict, FlotillaError, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.outcomes import Outcome, each, only
from services.fleet.bots.choices import DEFAULT_PLUGINS, PluginChoice, rows_of
from services.fleet.bots.cleanup import forget_at_telegram, forget_in_redis
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.signals import bot_changed
from services.fleet.bots.tags import checked_tags
from services.fleet.flows.users import refuse_unknown
from services.fleet.health.alerts import follow_health
from services.fleet.health.members import lock_pools
from services.fleet.pools.snapshot import publish
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.accounts.quotas import Quota, make_room
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.jobs import JobName, enqueue
from services.platform.tokens import Identity, checked_form, identify, owner_of

logger = logging.getLogger(__name__)
SAID_IN_FILES: Final = {"mode", "name", "fsm_strategy"}
SHARED: Final = {"fsm_strategy"}  # of these, what a pool says too


def register_bot(
    platform: Platform,
    caller: Principal,
    token: str,
    *,
    mode: str | None = None,
    plugins: Sequence[PluginChoice] | None = None,
    tags: Sequence[str] = (),
    name: str = "",
    also: Callable[[Session, Bot], None] = lambda _session, _bot: None,
) -> Bot:
    """Add the bot of `token`, under our `name` if there is one, to the caller's account; it runs as soon as the reconciler has seen it. `also` as in `add_bot`.

    Raises InvalidInput, Conflict `bot_exists` (whoever has it; named only to its owner) and `quota_exceeded`, or the TelegramError family; then nothing
    is saved.
    """
    token = checked_form(token)
    chosen_mode = checked_mode(platform, mode)
    rows_of(plugins or ())  # a wrong choice is told before Telegram is asked
    checked_tags(tags)
    bot = new_bot(caller, identify(platform, token), chosen_mode)
    bot.tags = checked_tags(tags)
    bot.name = name or bot.name
    bot.plugins = rows_of(DEFAULT_PLUGINS if plugins is None else plugins)
    return add_bot(platform, caller, bot, token, also=also)


def new_bot(caller: Principal, identity: Identity, mode: BotMode) -> Bot:
    """The caller's bot that Telegram calls `identity`, not saved yet."""
    return Bot(
        account_id=caller.account_id,
        public_id=f"bot_{secrets.token_hex(6)}",
        path_id=secrets.token_hex(16),
        telegram_bot_id=identity.telegram_bot_id,
        username=identity.username,
        name=identity.name,
        capabilities=identity.capabilities,
        mode=mode,
        sealed_token="",
    )


def add_bot(
    platform: Platform,
    caller: Principal,
    bot: Bot,
    token: str,
    *,
    also: Callable[[Session, Bot], None] = lambda _session, _bot: None,
) -> Bot:
    """Save a `new_bot` with its token and announce it; `also` writes more in the same transaction.

    Raises Conflict as `register_bot` does.
    """
    try:
        with platform.database.transaction() as session:
            _insert(platform, session, caller, bot, token)
            also(session, bot)
    except IntegrityError as error:
        if "telegram_bot_id" in str(error.orig):  # somebody was faster by milliseconds
            raise already_here() from None
        raise
    _open_path(platform, bot)
    bot_changed(platform, bot.id)
    return bot


def list_bots(platform: Platform, caller: Principal, *, after: int = 0, limit: int = 1000) -> list[Bot]:
    """The caller's bots with an id above `after`, oldest first, with their plugins."""
    query = owned(caller, Bot).where(Bot.id > after).order_by(Bot.id).limit(limit)
    with platform.database.reading() as session:
        return list(session.scalars(query.options(selectinload(Bot.plugins))))


def get_bot(platform: Platform, caller: Principal, bot_id: int | str) -> Bot:
    """One bot of the caller by id or public id, with its plugins; NotFound otherwise."""
    with looking(platform, caller) as session:
        return with_plugins(get_owned(session, caller, Bot, bot_id))


def delete_bot(
    platform: Platform,
    caller: Principal,
    bot_id: int | str,
    *,
    check: Callable[[Bot], None] = lambda bot: refuse_declared(bot, behaviour=False),
) -> None:
    """Remove the bot with its leads, memberships and Redis keys; its webhook too, if Telegram answers.

    `check` raises Conflict for a bot that is not to go: `declared_in_file` or `manager_bot`.
    """
    with platform.database.transaction() as session:
        bot = get_owned(session, caller, Bot, bot_id)
        check(bot)
        pools = list(session.scalars(select(PoolBot.pool_id).where(PoolBot.bot_id == bot.id)))
        lock_pools(session, pools)
        audit(session, caller, "bot_deleted", account_id=bot.account_id, bot_id=bot.id, username=bot.username)
        promote_reserves(session, bot.id)
        session.delete(bot)
        session.flush()
        follow_health(session, pools)
    publish(platform, pools)
    try:
        forget_in_redis(
            platform, bot
        )  # first: Telegram may take its time, in which nothing shall go on for the bot
        enqueue(platform.job_redis, JobName.SWEEP_FILES, bot.account_id)  # those that people sent to it
    except RedisError as error:
        logger.warning("keys of deleted bot %s remain: %s", bot.id, type(error).__name__)
    forget_at_telegram(platform, bot)


def update_bot(
    platform: Platform,
    caller: Principal,
    bot_id: int | str,
    *,
    mode: str | None = None,
    name: str | None = None,
    uncertain_policy: str | None = None,
    fsm_strategy: str | None = None,
    tags: Sequence[str] | None = None,
) -> Bot:
    """Change mode, our name (Telegram's stays), uncertain sends, whose conversations are, or tags; what is None stays.

    Raises Conflict `declared_in_file` for what a bot's file says, `follows_pool` for what its pool does.
    """
    changes = {
        "mode": checked_mode(platform, mode) if mode else None,
        "name": name,
        "uncertain_policy": uncertain_policy,
        "fsm_strategy": fsm_strategy,
        "tags": None if tags is None else checked_tags(tags),
    }
    with platform.database.transaction() as session:
        bot = locked(session, caller, bot_id)
        new = {
            key: value for key, value in changes.items() if value is not None and value != getattr(bot, key)
        }
        if new.keys() & SAID_IN_FILES:
            refuse_declared(bot, behaviour=bool(new.keys() & SHARED))
        for key, value in new.items():
            setattr(bot, key, value)
        if new:
            bot.config_version += 1
            audit(session, caller, "bot_changed", account_id=bot.account_id, bot_id=bot.id, changes=new)
    bot_changed(platform, bot.id)
    return bot


def set_plugins(
    platform: Platform, caller: Principal, bot_id: int | str, choices: Sequence[PluginChoice]
) -> Bot:
    """Replace all plugins of the bot; running conversations meet the new ones within a second. Raises as `refuse_declared` does."""
    rows = rows_of(choices)
    with platform.database.transaction() as session:
        bot = locked(session, caller, bot_id)
        refuse_declared(bot)
        refuse_unknown(session, bot.account_id, rows)
        bot.plugins.clear()
        session.flush()  # the old rows go first: a name is unique per bot
        bot.plugins.extend(rows)
        bot.config_version += 1
        names = [choice.name for choice in choices if choice.enabled]
        audit(session, caller, "bot_plugins_set", account_id=bot.account_id, bot_id=bot.id, enabled=names)
    bot_changed(platform, bot.id)
    return bot


def checked_mode(platform: Platform, mode: str | None) -> BotMode:
    """The mode asked for, or the default; InvalidInput for an unknown or impossible one."""
    has_address = bool(platform.settings.webhook_base_url)
    if mode is None:
        return BotMode.WEBHOOK if has_address else BotMode.POLLING
    if mode not in set(BotMode):
        raise InvalidInput("mode is 'webhook' or 'polling'", code="mode_unknown", field="mode")
    if mode == BotMode.WEBHOOK and not has_address:
        raise InvalidInput(
            "Webhooks need a public https address: set WEBHOOK_BASE_URL, or use polling",
            code="webhook_unavailable",
            field="mode",
        )
    return BotMode(mode)


def locked(session: Session, caller: Principal, bot_id: int | str) -> Bot:
    """The caller's bot, held against other writers until the commit, with its plugins."""
    return only(locked_each(session, caller, [bot_id]))


def locked_each(
    session: Session,
    caller: Principal,
    bot_ids: Sequence[int | str],
    *,
    before: Callable[[Session, list[int]], None] | None = None,
) -> list[Outcome[Bot]]:
    """As `locked` for several, in order of what was asked; NotFound stands in the place of one that is not the caller's.

    `before` gets the ids of those that stand still, for what has to be locked before bots are.
    """
    found = each(bot_ids, lambda bot_id: get_owned(session, caller, Bot, bot_id))
    known = {one.id: one for one in found if isinstance(one, Bot)}
    if before is not None:
        before(session, [bot.id for bot in known.values() if not bot.desired_running])
    rows = select(Bot).where(Bot.id.in_(known)).order_by(Bot.id).options(selectinload(Bot.plugins))
    held = {
        bot.id: bot
        for bot in session.scalars(rows.with_for_update(), execution_options={"populate_existing": True})
    }
    return [
        one
        if isinstance(one, FlotillaError)
        else held.get(one.id, NotFound("There is no such bot", code="bot_not_found"))
        for one in found
    ]


def with_plugins(bot: Bot) -> Bot:
    """The bot with its plugins read, so that it can be described after its session."""
    _ = bot.plugins
    return bot


def _insert(platform: Platform, session: Session, caller: Principal, bot: Bot, token: str) -> None:
    if not bot.is_manager:  # which is the installation's, whoever's list it stands in
        make_room(session, platform.settings, caller.account_id, Quota.BOTS)
    refuse_taken(session, caller.account_id, bot.telegram_bot_id, bot.username)
    refuse_unknown(session, bot.account_id, bot.plugins)
    session.add(bot)
    session.flush()  # the token is sealed for the id
    bot.sealed_token = platform.vault.seal(token, owner=owner_of(bot.id))
    audit(session, caller, "bot_registered", bot_id=bot.id, username=bot.username, mode=bot.mode)


def refuse_taken(session: Session, account_id: int, telegram_bot_id: int, username: str) -> None:
    """Raise Conflict `bot_exists` when any account here has that Telegram bot; named only where `account_id` has it."""
    owner = session.scalar(select(Bot.account_id).where(Bot.telegram_bot_id == telegram_bot_id))
    if owner is not None:
        raise already_here(username if owner == account_id else "")


def already_here(own: str = "") -> Conflict:
    """The refusal; a bot of the caller's `own` is named, of another account's nothing is said."""
    if own:
        named = Text("@{username} is already one of your bots", username=own)
        return Conflict(named, code="bot_exists", field="token")
    return Conflict("This bot is already registered here", code="bot_exists", field="token")


def _open_path(platform: Platform, bot: Bot) -> None:
    """Let the web processes know the webhook's path before Telegram does."""
    if bot.mode != BotMode.WEBHOOK:
        return
    try:
        platform.redis.hset(keys.webhook_paths(), bot.path_id, str(bot.id))
    except RedisError:
        logger.warning("the webhook path of bot %s is not known yet; the reconciler will add it", bot.id)
