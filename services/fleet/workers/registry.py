"""External workers: give one to a bot, change its terms, renew its token, end it (ADR 42)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from redis import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, BotWorker
from services.core.encryption import sha256_hex
from services.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from services.core.i18n import Text
from services.core.kafka_settings import Transport
from services.core.settings import Settings
from services.core.times import utc_now
from services.fleet.bots.cleanup import forget_at_telegram, forget_work
from services.fleet.bots.declaration import refuse_declared
from services.fleet.bots.registry import locked, register_bot, update_bot
from services.fleet.bots.signals import bot_changed
from services.fleet.bots.webhooks import ALLOWED_UPDATES
from services.fleet.workers.code_rules import check_code
from services.fleet.workers.copies import copies_of
from services.fleet.workers.environment import checked_environment, owner_of, sealed_environment
from services.fleet.workers.redis_access import access_changed
from services.fleet.workers.statuses import SERVICE
from services.fleet.workers.tokens import new_worker_token
from services.fleet.workers.transports import chosen_transport
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned, owned
from services.platform.platform import Platform
from services.platform.tokens import checked_form
from services.queueing.heartbeats import lives

logger = logging.getLogger(__name__)
MOST_REPLICAS: Final = 100
# Kinds of update that Telegram knows beside the usual ones; it would forget others, and be set again and again.
KINDS: Final = frozenset(
    (
        "business_connection",
        "business_message",
        "channel_post",
        "chat_boost",
        "chat_join_request",
        "chat_member",
        "chosen_inline_result",
        "deleted_business_messages",
        "edited_business_message",
        "edited_channel_post",
        "inline_query",
        "message_reaction",
        "message_reaction_count",
        "poll",
        "poll_answer",
        "pre_checkout_query",
        "purchased_paid_media",
        "removed_chat_boost",
        "shipping_query",
    )
)
SHORTEST_LEASE, LONGEST_LEASE = 5, 3600  # seconds


@dataclass(frozen=True)
class NewWorker:
    """What an owner says of a worker. `command` and `image` are code for our machines: see `code_rules`."""

    command: str = ""
    image: str = ""
    min_replicas: int = 0
    max_replicas: int = 1
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    ordered: bool = True
    lease_seconds: int = 60
    allowed_updates: Sequence[str] = ()  # beside the usual ones
    passes_bot_token: bool = False  # W4's BOT_TOKEN for a program that we start
    transport: Transport | None = None  # None: as the installation says

    def check(self, settings: Settings, caller: Principal) -> None:
        """Raise Forbidden or InvalidInput for what the caller may not say; of the code see `check_code`."""
        check_code(settings, caller, self.command, self.image)
        check_replicas(self.min_replicas, self.max_replicas)
        checked_environment(self.environment)
        if set(self.allowed_updates) - KINDS - set(ALLOWED_UPDATES):
            raise InvalidInput("There is no such kind of update", field="allowed_updates")
        if not SHORTEST_LEASE <= self.lease_seconds <= LONGEST_LEASE:
            raise InvalidInput(
                Text(
                    "A lease lasts from {shortest} to {longest} seconds",
                    shortest=SHORTEST_LEASE,
                    longest=LONGEST_LEASE,
                ),
                field="lease_seconds",
            )


def check_replicas(least: int, most: int) -> None:
    """Raise InvalidInput `replicas_invalid` unless 0 <= least <= most <= MOST_REPLICAS and most is at least 1."""
    if not 0 <= least <= most <= MOST_REPLICAS or most < 1:
        raise InvalidInput(
            Text(
                "min_replicas is from 0 to max_replicas, and max_replicas from 1 to {most}",
                most=MOST_REPLICAS,
            ),
            code="replicas_invalid",
            field="min_replicas",
        )


def register_worker_bot(
    platform: Platform,
    caller: Principal,
    bot_token: str,
    name: str,
    new: NewWorker,
    *,
    mode: str | None = None,
    tags: Sequence[str] = (),
) -> tuple[Bot, BotWorker, str]:
    """Register the bot of a token with a worker, and the worker's token, which is never to be had again.

    A bot that the caller has here already, without a worker, gets one and is started: as after the end of a former one.
    Raises as `register_bot`, and as `NewWorker.check`.
    """
    new.check(platform.settings, caller)
    known = _own_bot(platform, caller, checked_form(bot_token))
    if known is not None:
        if mode or tags:
            update_bot(platform, caller, known.id, mode=mode, tags=tags or None)
        return give_worker(platform, caller, known.id, new, start=True)
    made: list[tuple[BotWorker, str]] = []

    def also(session: Session, bot: Bot) -> None:
        made.append(_insert(platform, session, caller, bot, new))

    bot = register_bot(platform, caller, bot_token, mode=mode, plugins=(), tags=tags, name=name, also=also)
    access_changed(platform, bot)
    return bot, *made[0]


def give_worker(
    platform: Platform, caller: Principal, bot_id: int | str, new: NewWorker, *, start: bool = False
) -> tuple[Bot, BotWorker, str]:
    """Hand a bot's updates to its owner's program from now on instead of to its plugins, which stay chosen.

    Raises Conflict `worker_exists`, or as `refuse_declared`; NotFound for somebody else's bot.
    """
    new.check(platform.settings, caller)
    with platform.database.transaction() as session:
        bot = locked(session, caller, bot_id)
        refuse_declared(bot)
        if session.get(BotWorker, bot.id) is not None:
            raise Conflict("This bot has a worker already", code="worker_exists")
        worker, token = _insert(platform, session, caller, bot, new)
        bot.desired_running = bot.desired_running or start
        bot.config_version += 1
    bot_changed(platform, bot.id)
    access_changed(platform, bot)
    return bot, worker, token


def worker_of(platform: Platform, caller: Principal, bot_id: int | str) -> tuple[Bot, BotWorker]:
    """A bot of the caller's and its worker; NotFound for one without, as for somebody else's."""
    with looking(platform, caller) as session:
        return _with_worker(session, get_owned(session, caller, Bot, bot_id))


def has_worker(platform: Platform, bot: Bot) -> bool:
    """Whether a program of its owner's gets the updates of a bot that the caller may see."""
    with platform.database.reading() as session:
        return session.get(BotWorker, bot.id) is not None


def list_workers(
    platform: Platform, caller: Principal, *, after: int = 0, limit: int = 1000
) -> Sequence[tuple[Bot, BotWorker]]:
    """The caller's bots that have a worker, with an id above `after`, oldest first."""
    query = owned(caller, Bot).add_columns(BotWorker).join(BotWorker, BotWorker.bot_id == Bot.id)
    with platform.database.reading() as session:
        rows = session.execute(query.where(Bot.id > after).order_by(Bot.id).limit(limit))
        return [(bot, worker) for bot, worker in rows]


def renew_token(platform: Platform, caller: Principal, bot_id: int | str) -> tuple[Bot, BotWorker, str]:
    """A new token for the bot's worker; the former one is of no use from now on. Raises Conflict `worker_ending`."""
    with platform.database.transaction() as session:
        bot, worker = changeable(session, caller, bot_id)
        token = _give_token(platform, bot, worker)
        worker.sealed_webhook_url = worker.sealed_webhook_secret = ""  # whoever had the former one set it
        audit(session, caller, "worker_token_made", account_id=bot.account_id, bot_id=bot.id)
    access_changed(platform, bot)
    bot_changed(platform, bot.id)  # copies that were started with the former one are replaced
    return bot, worker, token


def revoke_token(platform: Platform, caller: Principal, bot_id: int | str) -> None:
    """Make the worker's token useless; its updates wait until it gets another. Revoking none is no error."""
    with platform.database.transaction() as session:
        bot, worker = changeable(session, caller, bot_id)
        worker.token_hash = worker.token_made_at = None
        worker.sealed_token = worker.sealed_webhook_url = worker.sealed_webhook_secret = ""
        audit(session, caller, "worker_token_revoked", account_id=bot.account_id, bot_id=bot.id)
    access_changed(platform, bot)
    bot_changed(platform, bot.id)


def end_worker(platform: Platform, caller: Principal, bot_id: int | str) -> None:
    """Stop the bot and end its worker, webhook, queue, token and variables, in this order; its leads stay.

    Where copies of its program run, the queue is dropped when the last of them has ended; their token is of no use at once.
    Repeating it after a crash goes on where it stood; so does `finish_endings`. Raises Unavailable while Redis is away.
    """
    with platform.database.transaction() as session:
        bot = locked(session, caller, bot_id)
        refuse_declared(bot, behaviour=False)
        _, worker = _with_worker(session, bot)
        worker.token_hash = None
        worker.ending_since = worker.ending_since or utc_now()
        bot.desired_running = False
        bot.config_version += 1
        audit(session, caller, "worker_ended", account_id=bot.account_id, bot_id=bot.id)
    bot_changed(platform, bot.id)
    _finish(platform, bot)


def finish_endings(platform: Platform, bot_id: int | None = None) -> int:
    """Go on with endings, of all bots or of one, that waited for copies to end or were interrupted; how many were finished."""
    query = select(Bot).join(BotWorker, BotWorker.bot_id == Bot.id).where(BotWorker.ending_since.is_not(None))
    with platform.database.reading() as session:
        bots = list(session.scalars(query if bot_id is None else query.where(Bot.id == bot_id)))
    return sum(_finish(platform, bot) for bot in bots)


def _finish(platform: Platform, bot: Bot) -> bool:
    """Whether it is over. Not while copies of the program run: the driver, who ends them, asks again."""
    forget_at_telegram(platform, bot)
    try:
        copies = copies_of(platform.redis, bot.id)
        if copies is not None and copies.current and lives(platform, SERVICE):
            return False
        forget_work(platform, bot)
    except RedisError as error:
        raise Unavailable("Redis does not answer", code="redis_unavailable", retry_after=2) from error
    with platform.database.transaction() as session:
        worker = session.get(BotWorker, bot.id)
        if worker is not None and worker.ending_since is not None:
            session.delete(worker)
            session.get_one(Bot, bot.id).worker_updates = []
    return True


def _own_bot(platform: Platform, caller: Principal, token: str) -> Bot | None:
    """The caller's own bot with that token, if it is here; that the token is the present one proves that it is theirs."""
    number = int(token.partition(":")[0])
    with platform.database.reading() as session:
        bot = session.scalar(owned(caller, Bot).where(Bot.telegram_bot_id == number))
    if bot is None or platform.vault.unseal(bot.sealed_token, owner=f"bot:{bot.id}") != token:
        return None
    return bot


def changeable(session: Session, caller: Principal, bot_id: int | str) -> tuple[Bot, BotWorker]:
    """The caller's bot and its worker for a change, locked. Raises NotFound, Conflict `worker_ending`."""
    bot, worker = _with_worker(session, locked(session, caller, bot_id))
    if worker.ending_since is not None:
        raise Conflict("This worker is being deleted", code="worker_ending")
    return bot, worker


def _with_worker(session: Session, bot: Bot) -> tuple[Bot, BotWorker]:
    worker = session.get(BotWorker, bot.id)
    if worker is None:
        raise NotFound("There is no such bot", code="bot_not_found")
    return bot, worker


def _insert(
    platform: Platform, session: Session, caller: Principal, bot: Bot, new: NewWorker
) -> tuple[BotWorker, str]:
    worker = BotWorker(
        bot_id=bot.id,
        ordered=new.ordered,
        lease_seconds=new.lease_seconds,
        command=new.command,
        image=new.image,
        min_replicas=new.min_replicas,
        max_replicas=new.max_replicas,
        sealed_environment=sealed_environment(platform.vault, bot.id, new.environment),
        passes_bot_token=new.passes_bot_token,
        transport=chosen_transport(platform.settings, new.transport),
    )
    token = _give_token(platform, bot, worker)
    bot.worker_updates = sorted(set(new.allowed_updates))
    session.add(worker)
    names = sorted(new.environment)
    audit(session, caller, "worker_given", account_id=bot.account_id, bot_id=bot.id, variables=names)
    return worker, token


def _give_token(platform: Platform, bot: Bot, worker: BotWorker) -> str:
    token = new_worker_token(bot)
    worker.token_hash, worker.token_made_at = sha256_hex(token), utc_now()
    worker.sealed_token = platform.vault.seal(token, owner=owner_of(bot.id))
    return token
