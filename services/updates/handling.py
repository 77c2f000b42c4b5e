"""One update, from its entry in the lane to what the bot's plugins want done about it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis import RedisError
from telebot import types

from plugins.buttons import Tap
from plugins.context import Busy, Call, Context, Effects, Lead, Strategy
from services.behaviour.behaviour import Behaviour
from services.behaviour.book import BehaviourBook
from services.dead_letters.replay_id import replay_of
from services.dead_letters.store import Failure, open_again, sealed_original, store
from services.errors import Unavailable
from services.limits.buttons import pack
from services.limits.guard import Guard
from services.limits.locks import Locks
from services.limits.notices import refuse
from services.limits.verdicts import Refusal, Verdict
from services.metrics import HANDLER_SECONDS, RATE_LIMIT_HITS, UPDATES
from services.notifications.linking import link_chat
from services.notifications.notify import notify
from services.outbox.outgoing import slot_of
from services.platform import Platform
from services.redis import keys
from services.updates.contacts import Contacts, start_payload
from services.updates.keyboards import check_buttons
from services.updates.lanes import kind_of
from services.updates.sealing import open_tokens, seal_tokens
from services.updates.timeouts import time_limit
from services.updates.turnstile import Turnstile

logger = logging.getLogger(__name__)


@dataclass
class Waiting:
    """An update read from a lane. `attempts` counts failed ones, `marks` crashes it was suspected of."""

    entry_id: str
    bot_id: int
    chat: str
    request_id: str
    update: str
    attempts: int = 0
    marks: int = 0
    suspected: bool = False
    hopeless: bool = False  # no repetition would change its failure
    settled: bool = False
    stalls: int = 0  # waits for the database or Redis, which count for nothing
    error: str = ""
    place: str = ""
    failures: tuple[Failure, ...] = ()  # of this process; those of a crashed one are only counted
    rank: int = 0
    verdict: Verdict | None = None  # None: not judged yet
    newer: bool = False  # of a release that this code does not understand


@dataclass(frozen=True)
class Send:
    """A message for the outbox; `call` is {"method", "params"} as JSON, tokens sealed."""

    priority: str
    chat: str
    call: str


@dataclass(frozen=True)
class Handled:
    """What came of a handler, ready to be written. `conversation` is None when untouched, "" when ended."""

    sends: tuple[Send, ...] = ()
    conversation_key: str = ""
    conversation: str | None = None
    kept: tuple[tuple[str, str, int], ...] = ()  # payloads of buttons: key, value, life in s


NOTHING = Handled()


class Unreadable(Exception):
    """An update whose form the library does not understand, which no repetition changes."""


class Handling:
    """Handles updates with the behaviours and contacts of this process."""

    def __init__(self, platform: Platform, book: BehaviourBook, contacts: Contacts) -> None:
        self._platform = platform
        self._book = book
        self._contacts = contacts
        self._guard = Guard(platform)
        self.turnstile = Turnstile()
        self._locks = Locks(platform.redis, ttl_seconds=platform.settings.lock_seconds)

    def judge(self, batch: Sequence[Waiting]) -> None:
        """Look up in one round trip which of these may pass (G1, G2, G4); the rest is judged when it is handled."""
        known = [(waiting, self._book.peek(waiting.bot_id)) for waiting in batch]
        judged = [(waiting, behaviour) for waiting, behaviour in known if behaviour and behaviour.active]
        for (waiting, _), verdict in zip(judged, self._guard.judge_all(judged), strict=True):
            waiting.verdict = verdict

    def handle(self, waiting: Waiting) -> Handled:
        """Run the bot's handlers on one update.

        Raises Unavailable when the database is away, RedisError when an update that only Redis can judge could not be,
        Unreadable, HandlerTimeout, or whatever the handler raised.
        """
        behaviour = self._book.get(waiting.bot_id)
        if behaviour is None or not behaviour.active:
            UPDATES.labels("dropped").inc()
            logger.info("update dropped: the bot is %s", "stopped" if behaviour else "gone")
            self._open_again(waiting)
            return NOTHING
        update = json.loads(open_tokens(self._platform.vault, waiting.update, waiting.bot_id))
        ctx = self._context(behaviour, update, waiting)
        if ctx is None:
            UPDATES.labels("unknown_kind").inc()
            return NOTHING
        verdict = waiting.verdict or self._guard.judge(waiting, behaviour, update)
        if verdict.refusal is not None:
            UPDATES.labels("limited").inc()
            refuse(ctx, verdict.refusal, tell=verdict.tell, wait_seconds=verdict.wait_seconds)
            return self._handled(ctx, waiting)
        if verdict.action is not None:
            payload = open_tokens(self._platform.vault, verdict.payload, waiting.bot_id)
            ctx.tap = Tap(verdict.action, payload)
        linked = link_chat(self._platform, waiting.bot_id, start_payload(ctx) or "", ctx.chat_id)
        if linked is not None:  # the owner, who wants notifications here: no lead and no start
            ctx.send(linked, parse_mode=None)
            return self._handled(ctx, waiting)
        if ctx.lead.telegram_id:
            user = ctx.event.from_user
            ctx.start_param = self._contacts.met(
                waiting.bot_id, int(update["update_id"]), user, start_payload(ctx)
            )
        began = time.perf_counter()
        with time_limit(self._platform.settings.handler_timeout_seconds):
            plugin = self._run(behaviour, ctx)
        HANDLER_SECONDS.labels(plugin or "none").observe(time.perf_counter() - began)
        UPDATES.labels("handled" if plugin else "unwanted").inc()
        return self._handled(ctx, waiting)

    def _run(self, behaviour: Behaviour, ctx: Context) -> str | None:
        try:
            return behaviour.handle(ctx)
        except Busy:
            RATE_LIMIT_HITS.labels(Refusal.LOCK).inc()
            ctx.effects = Effects()
            refuse(ctx, Refusal.LOCK)
            return None

    def give_up(self, waiting: Waiting, error: str, error_id: str) -> Handled:
        """What the bot's error handlers want done about an update that is given up; a person hears of it once.

        Raises Unavailable or RedisError when the database or Redis is away; whatever else goes wrong comes to nothing.
        """
        if replay_of(waiting.request_id, "update"):
            return NOTHING
        try:
            return self._apologize(waiting, error, error_id)
        except (Unavailable, RedisError):
            raise
        except Unreadable:
            return NOTHING
        except Exception:
            logger.exception("an error handler failed")
            return NOTHING

    def _apologize(self, waiting: Waiting, error: str, error_id: str) -> Handled:
        behaviour = self._book.get(waiting.bot_id)
        if behaviour is None or not behaviour.active:
            return NOTHING
        update = json.loads(open_tokens(self._platform.vault, waiting.update, waiting.bot_id))
        ctx = self._context(behaviour, update, waiting)
        if ctx is None:
            return NOTHING
        ctx.error_id = error_id
        with time_limit(self._platform.settings.handler_timeout_seconds):
            behaviour.give_up(ctx, error)
        return self._handled(ctx, waiting)

    def bury(self, waiting: Waiting, error: str, where: str) -> str:
        """Make the update a dead letter and return its error id; Unavailable when the database is away."""
        vault, attempts = self._platform.vault, max(1, waiting.attempts)
        replay = replay_of(waiting.request_id, "update")
        with self._platform.database.transaction() as session:
            if replay is not None:
                return open_again(
                    session, replay, error=error, where=where, attempts=attempts, failures=waiting.failures
                )
            original = {"chat": waiting.chat, "request": waiting.request_id, "update": waiting.update}
            return store(
                session,
                kind="update",
                source_id=f"update:{waiting.bot_id}:{waiting.request_id}",
                error=error,
                where=where,
                bot_id=waiting.bot_id,
                attempts=attempts,
                failures=waiting.failures,
                payload={"update": open_tokens(vault, waiting.update, waiting.bot_id)},
                sealed_payload="" if waiting.newer else sealed_original(vault, waiting.bot_id, original),
            )

    def _open_again(self, waiting: Waiting) -> None:
        """A dropped replay took no effect: the operator is to see that."""
        replay = replay_of(waiting.request_id, "update")
        if replay is not None:
            with self._platform.database.transaction() as session:
                open_again(session, replay, error="The bot is stopped", attempts=0)

    def _context(self, behaviour: Behaviour, update: dict[str, Any], waiting: Waiting) -> Context | None:
        kind = kind_of(update)
        try:
            parsed = types.Update.de_json(update)  # type: ignore[no-untyped-call]
        except Exception as error:  # the library's own code, on whatever Telegram may send one day
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        event = getattr(parsed, kind, None) if kind else None
        if event is None:
            return None
        chat = getattr(getattr(event, "message", None) or event, "chat", None)
        lead = _lead(getattr(event, "from_user", None))
        ctx = Context(
            bot=behaviour.bot,
            kind=kind,
            event=event,
            chat_id=getattr(chat, "id", 0) or lead.telegram_id,
            lead=lead,
            request_id=waiting.request_id,
            notify_owner=lambda about, params: self._notify(behaviour, about, params),
        )
        ctx.pack = partial(pack, self._guard.signer, self._platform.settings, behaviour.bot.id)
        ctx.lock = partial(
            self._locks.hold, behaviour.bot.id, patient=waiting.suspected or waiting.attempts > 0
        )
        ctx.load_state = lambda: self._load_state(_conversation_key(ctx), behaviour.bot.id)
        return ctx

    def _handled(self, ctx: Context, waiting: Waiting) -> Handled:
        """Put the wishes into their stored form; a wish that JSON cannot hold, or a refused link, is the handler's failure."""
        wanted = ctx.effects
        conversation = None
        if wanted.conversation is not None:
            ended = not any(wanted.conversation.values())
            conversation = "" if ended else self._stored(wanted.conversation, waiting.bot_id)
        sends = tuple(self._send(call, waiting) for call in wanted.calls)
        kept = tuple(
            (
                keys.button_payload(waiting.bot_id, each.name),
                seal_tokens(self._platform.vault, each.payload, waiting.bot_id),
                each.seconds,
            )
            for each in wanted.kept
        )
        return Handled(sends, _conversation_key(ctx), conversation, kept)

    def _send(self, call: Call, waiting: Waiting) -> Send:
        check_buttons(call.params)
        chat = str(call.params.get("chat_id", waiting.chat))
        stored = self._stored({"method": call.method, "params": call.params}, waiting.bot_id)
        return Send(*slot_of(call.method, call.params, str(call.priority), chat), stored)

    def _stored(self, value: dict[str, Any], bot_id: int) -> str:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return seal_tokens(self._platform.vault, text.encode(errors="replace").decode(), bot_id)

    def _load_state(self, key: str, bot_id: int) -> str | None:
        stored = self._platform.redis.get(key)
        return None if stored is None else open_tokens(self._platform.vault, str(stored), bot_id)

    def _notify(self, behaviour: Behaviour, kind: str, params: dict[str, Any]) -> None:
        try:
            with self._platform.database.transaction() as session:
                notify(
                    session,
                    behaviour.account_id,
                    kind,
                    "warning",
                    f"{kind}:{params.get('error_id', '')}",
                    {**params, "count": 1, "bot": behaviour.bot.username},
                    bot_id=behaviour.bot.id,
                )
        except Unavailable:
            logger.warning("the owner could not be notified")


def _lead(person: Any) -> Lead:
    if person is None:
        return Lead(0)
    return Lead(
        telegram_id=person.id,
        first_name=getattr(person, "first_name", None) or "",
        last_name=getattr(person, "last_name", None) or "",
        username=getattr(person, "username", None) or "",
        language=getattr(person, "language_code", None) or "",
    )


def _conversation_key(ctx: Context) -> str:
    strategy = ctx.bot.strategy
    return keys.conversation(
        ctx.bot.id,
        0 if strategy is Strategy.GLOBAL_USER else ctx.chat_id,
        0 if strategy is Strategy.CHAT else ctx.lead.telegram_id,
    )
