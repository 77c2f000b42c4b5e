"""A new token for a bot: of the same Telegram bot, or of another one that takes over its place in pools and links."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any

from redis import RedisError
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import (
    Bot,
    BotStatus,
    FlowRun,
    HandledUpdate,
    MediaUpload,
    NotificationDestination,
    PoolBot,
    RunStatus,
    Timer,
    UploadedFile,
)
from services.core.errors import ConfigurationError, Conflict, InvalidInput
from services.core.i18n import NO_TEXT, Text
from services.core.times import utc_now
from services.fleet.bots.cleanup import forget_former, leave_webhook
from services.fleet.bots.declaration import refuse_declared, refuse_manager
from services.fleet.bots.reconcile import bot_lock
from services.fleet.bots.registry import already_here, get_bot, locked, refuse_taken
from services.fleet.bots.signals import bot_changed
from services.fleet.health.conversion_hours import judge_anew
from services.fleet.health.members import lock_pools
from services.fleet.health.readmission import probe_again
from services.fleet.pools.snapshot import publish_bots
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.redis.changes import Topic, announce
from services.platform.redis.jobs import JobName, enqueue
from services.platform.redis.server_clock import lead_over
from services.platform.tokens import REGISTER_SECONDS, Identity, checked_form, identify, owner_of, token_of

logger = logging.getLogger(__name__)


def replace_token(
    platform: Platform, caller: Principal, bot_id: int | str, token: str, *, new_identity: bool = False
) -> Bot:
    """Swap the bot's token, after Telegram has said whose it is; its lost members are probed at once.

    With `new_identity` another Telegram bot may take over: pools, links, behaviour and statistics stay, and leads are
    unreachable until they turn to it. Raises NotFound, InvalidInput `token_malformed` or `token_of_another_bot`, Conflict
    `bot_exists`, `identity_changed` or `declared_in_file`, or the TelegramError family; then nothing is changed here.
    """
    bot = get_bot(platform, caller, bot_id)
    refuse_manager(bot)
    token = checked_form(token)
    identity = identify(platform, token)
    if identity.telegram_bot_id == bot.telegram_bot_id:
        bot = _swap(platform, caller, bot, token, identity)
    elif new_identity:
        bot = _take_over(platform, caller, bot, token, identity)
    else:
        raise InvalidInput(
            Text(
                "This is the token of @{other}, not of @{bot}",
                other=identity.username,
                bot=bot.username,
            ),
            code="token_of_another_bot",
            field="token",
        )
    _check_soon(platform, bot)
    return bot


def store_own_token(
    platform: Platform, caller: Principal, bot: Bot, token: str, *, also: Callable[[Session], None]
) -> Bot:
    """Keep a token that Telegram has just handed out for this very bot: nobody need be asked whose it is. `also` writes
    more in the same transaction. Raises Conflict `identity_changed`.
    """
    identity = Identity(bot.telegram_bot_id, bot.username, bot.name, bot.capabilities)
    bot = _swap(platform, caller, bot, token, identity, also)
    _check_soon(platform, bot)
    return bot


def _check_soon(platform: Platform, bot: Bot) -> None:
    try:
        enqueue(platform.job_redis, JobName.CHECK_BOT, bot.id)
    except RedisError:
        logger.warning("the next sweep will check the new token", extra={"bot_id": bot.id})


def _swap(
    platform: Platform,
    caller: Principal,
    known: Bot,
    token: str,
    identity: Identity,
    also: Callable[[Session], None] = lambda _session: None,
) -> Bot:
    with platform.database.transaction() as session:
        bot = _written(platform, session, caller, known, token, identity)
        also(session)
        audit(session, caller, "bot_token_replaced", account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, bot.id)
    return bot


def _take_over(platform: Platform, caller: Principal, former: Bot, token: str, identity: Identity) -> Bot:
    """Another Telegram bot becomes `former`. Links lead to it from the commit on; the rest is repeated by the reconciler."""
    refuse_declared(former, behaviour=False)
    with platform.database.reading() as session:
        refuse_taken(session, former.account_id, identity.telegram_bot_id, identity.username)
    # What it got before it was ours is dropped now: after the commit people of our links may have pressed Start.
    platform.telegram.call(
        token, "deleteWebhook", {"drop_pending_updates": True}, total_timeout=REGISTER_SECONDS
    )
    # What is older than the new identity is known by the numbers of its entries, which are Redis' time.
    lead = lead_over(platform.redis)
    try:
        with platform.database.transaction() as session:
            lock_pools(session, select(PoolBot.pool_id).where(PoolBot.bot_id == former.id))
            judge_anew(session, former.id)
            bot = _written(platform, session, caller, former, token, identity)
            # With the locks, and no sooner: the former identity's updates come in until it goes.
            began = utc_now() - lead
            refuse_taken(session, bot.account_id, identity.telegram_bot_id, identity.username)
            bot.telegram_bot_id, bot.name, bot.path_id = (
                identity.telegram_bot_id,
                identity.name,
                secrets.token_hex(16),
            )
            bot.identity, bot.identity_since, bot.pending_dropped = former.identity + 1, began, True
            bot.delivery_state, bot.delivery_cause, bot.webhook_info = "unknown", "", {}
            _leave_behind(session, bot)
            details: dict[str, Any] = {"former": former.username, "username": identity.username}
            audit(
                session, caller, "bot_identity_replaced", account_id=bot.account_id, bot_id=bot.id, **details
            )
    except IntegrityError as error:
        if "telegram_bot_id" in str(error.orig):  # somebody was faster by milliseconds
            raise already_here() from None
        raise
    _part_from(platform, former, bot)
    return bot


def _written(
    platform: Platform, session: Session, caller: Principal, known: Bot, token: str, identity: Identity
) -> Bot:
    """The bot's row, locked, with its new token; Conflict `identity_changed` if it is no longer the `known` one."""
    is_another = identity.telegram_bot_id != known.telegram_bot_id
    probe_again(session, known.id, utc_now(), is_another=is_another)
    bot = locked(session, caller, known.id)
    if bot.telegram_bot_id != known.telegram_bot_id:
        raise Conflict("This bot got another identity meanwhile; look at it again", code="identity_changed")
    bot.sealed_token = platform.vault.seal(token, owner=owner_of(bot.id))
    bot.username, bot.capabilities = identity.username, identity.capabilities
    bot.status, bot.status_reason, bot.status_cause = BotStatus.CREATED, NO_TEXT, ""
    bot.config_version += 1
    session.execute(
        delete(MediaUpload).where(MediaUpload.bot_id == bot.id)
    )  # each file is uploaded once more
    return bot


def _leave_behind(session: Session, bot: Bot) -> None:
    """What only the former identity had: file ids, numbers of updates, timers for its chats, where people wait in flows, and
    those where it sent alarms."""
    session.execute(delete(UploadedFile).where(UploadedFile.bot_id == bot.id))
    session.execute(delete(HandledUpdate).where(HandledUpdate.bot_id == bot.id))
    session.execute(delete(Timer).where(Timer.bot_id == bot.id))
    halted = {"status": RunStatus.STOPPED, "paused_until": None, "revision": FlowRun.revision + 1}
    session.execute(  # their timers are gone: what their step waits for begins anew when they turn to the new one
        update(FlowRun)
        .where(FlowRun.bot_id == bot.id, FlowRun.status.in_((RunStatus.WAITING, RunStatus.PAUSED)))
        .values(halted)
        .execution_options(synchronize_session=False)
    )
    reserve = update(NotificationDestination).where(NotificationDestination.reserve_bot_id == bot.id)
    session.execute(reserve.values(reserve_linked=False))
    reason = Text(
        "@{bot} has taken over from a former bot; open it in this chat and press Start", bot=bot.username
    )
    session.execute(
        update(NotificationDestination)
        .where(NotificationDestination.bot_id == bot.id, NotificationDestination.address != "")
        .values(last_error=reason, last_error_at=utc_now(), is_refused=True)
    )


def _part_from(platform: Platform, former: Bot, bot: Bot) -> None:
    """Send visitors to the new identity first of all, then close the former's ways in."""
    publish_bots(platform, [bot.id])
    try:
        # Before the search below, which takes its time: nobody goes on as the former. The reconciler is called after it.
        announce(platform.redis, Topic.BOT, bot.id)
        platform.redis.hdel(keys.webhook_paths(), former.path_id)
        with bot_lock(platform, bot.id) as is_our_turn:  # a second search would delete what is the new one's
            if is_our_turn:
                forget_former(platform, bot)
    except RedisError:
        logger.warning("the reconciler will part from the former identity", extra={"bot_id": bot.id})
    bot_changed(platform, bot.id)
    try:
        leave_webhook(platform, bot.id, token_of(platform, former))
    except ConfigurationError:  # its token was sealed with a key that is gone: then nobody can ask for it
        logger.warning("the former identity keeps its webhook", extra={"bot_id": bot.id})
