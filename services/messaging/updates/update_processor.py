"""One update, from its entry in the lane to what the bot's plugins want done about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from redis import RedisError

from plugins.buttons import Tap
from plugins.context import Busy, Call, Context, Effects
from services.alerts.dead_letters.replay_id import replay_of
from services.alerts.notifications.linking import link_chat
from services.alerts.notifications.notify import notify
from services.core.errors import Unavailable
from services.core.identifiers import is_telegram_id
from services.core.metrics import HANDLER_SECONDS, RATE_LIMIT_HITS, UPDATES
from services.messaging.buttons.button_links import check_buttons
from services.messaging.buttons.signing import pack
from services.messaging.limits.guard import Guard
from services.messaging.limits.locks import Locks
from services.messaging.limits.notices import refuse
from services.messaging.limits.verdicts import Refusal
from services.messaging.outbox.outgoing import slot_of
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.updates.contacts import Contacts, start_payload
from services.messaging.updates.event_facts import conversation_key, lead_of
from services.messaging.updates.event_reader import Unreadable, read_event
from services.messaging.updates.plugin_writes import PluginWrites
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate, Send
from services.messaging.updates.update_letters import UpdateLetters
from services.platform.platform import Platform
from services.platform.redis import keys
from services.platform.token_encryption import dump_sealed, load_opened, open_tokens, seal_tokens
from services.queueing.bot_throttle import BotThrottle
from services.queueing.lanes import kind_of
from services.queueing.timeouts import time_limit

logger = logging.getLogger(__name__)


class UpdateProcessor:
    """Handles updates with the behaviours and contacts of this process."""

    def __init__(self, platform: Platform, plugins: PluginCache, contacts: Contacts) -> None:
        self._platform = platform
        self._plugins = plugins
        self._contacts = contacts
        self._guard = Guard(platform)
        self.letters = UpdateLetters(platform)
        self.throttle = BotThrottle()
        self._locks = Locks(platform.leases, ttl_seconds=platform.settings.lock_seconds)
        self._writes = PluginWrites(platform, HandlerResult.as_text, HandlerResult.from_text)

    def judge(self, batch: Sequence[QueuedUpdate]) -> None:
        """Look up in one round trip which of these may pass; the rest is judged when it is handled."""
        known = [(queued, self._plugins.peek(queued.bot_id)) for queued in batch]
        judged = [(queued, behaviour) for queued, behaviour in known if behaviour and behaviour.active]
        for (queued, _), verdict in zip(judged, self._guard.judge_all(judged), strict=True):
            queued.verdict = verdict

    def handle(self, queued: QueuedUpdate) -> HandlerResult:
        """Run the bot's handlers on one update.

        Raises Unavailable when the database is away, RedisError when an update that only Redis can judge could not be,
        Unreadable, HandlerTimeout, or whatever the handler raised.
        """
        behaviour = self._plugins.get(queued.bot_id)
        if behaviour is None or not behaviour.active:
            UPDATES.labels("dropped").inc()
            logger.info("update dropped: the bot is %s", "stopped" if behaviour else "gone")
            self.letters.open_again(queued)
            return EMPTY_RESULT
        update = self._parsed(queued)
        ctx = self._context(behaviour, update, queued)
        if ctx is None:
            UPDATES.labels("unknown_kind").inc()
            return EMPTY_RESULT
        verdict = queued.verdict or self._guard.judge(queued, behaviour, update)
        if verdict.refusal is not None:
            UPDATES.labels("limited").inc()
            refuse(ctx, verdict.refusal, tell=verdict.tell, wait_seconds=verdict.wait_seconds)
            return self._result(ctx, queued)
        if verdict.action is not None:
            payload = open_tokens(self._platform.vault, verdict.payload, queued.bot_id)
            ctx.tap = Tap(verdict.action, payload)
        linked = link_chat(self._platform, queued.bot_id, start_payload(ctx) or "", ctx.chat_id)
        if linked is not None:  # the owner, who wants notifications here: no lead and no start
            ctx.send(linked, parse_mode=None)
            return self._result(ctx, queued)
        number = int(update["update_id"])
        if ctx.lead.telegram_id:
            user = ctx.event.from_user
            ctx.start_param = self._contacts.record_contact(queued.bot_id, number, user, start_payload(ctx))
        try:
            handled = self._writes.once(queued.bot_id, number, lambda: self._run(behaviour, ctx, queued))
        except Busy:
            handled = self._busy(ctx, queued)
        UPDATES.labels("handled" if handled.plugin else "unwanted").inc()
        return handled

    def _parsed(self, queued: QueuedUpdate) -> dict[str, Any]:
        try:
            update = load_opened(self._platform.vault, queued.update, queued.bot_id)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        if not isinstance(update, dict):
            raise Unreadable("it is no JSON object")
        return update

    def _run(self, behaviour: Behaviour, ctx: Context, queued: QueuedUpdate) -> HandlerResult:
        """What the bot's handlers want done; may be asked again."""
        ctx.effects, began = Effects(), time.perf_counter()
        with time_limit(self._platform.settings.handler_timeout_seconds):
            plugin = behaviour.handle(ctx)
        HANDLER_SECONDS.labels(plugin or "none").observe(time.perf_counter() - began)
        return replace(self._result(ctx, queued), plugin=plugin or "")

    def _busy(self, ctx: Context, queued: QueuedUpdate) -> HandlerResult:
        RATE_LIMIT_HITS.labels(Refusal.LOCK).inc()
        ctx.effects = Effects()
        refuse(ctx, Refusal.LOCK)
        return self._result(ctx, queued)

    def give_up(self, queued: QueuedUpdate, error: str, error_id: str) -> HandlerResult:
        """What the bot's error handlers want done about an update that is given up; a person hears of it once.

        Raises Unavailable or RedisError when the database or Redis is away; whatever else goes wrong comes to nothing.
        """
        if replay_of(queued.request_id, "update"):
            return EMPTY_RESULT
        try:
            return self._run_error_handlers(queued, error, error_id)
        except (Unavailable, RedisError):
            raise
        except Unreadable:
            return EMPTY_RESULT
        except Exception:
            logger.exception("an error handler failed")
            return EMPTY_RESULT

    def _run_error_handlers(self, queued: QueuedUpdate, error: str, error_id: str) -> HandlerResult:
        behaviour = self._plugins.get(queued.bot_id)
        if behaviour is None or not behaviour.active:
            return EMPTY_RESULT
        update = self._parsed(queued)
        ctx = self._context(behaviour, update, queued)
        if ctx is None:
            return EMPTY_RESULT
        ctx.error_id = error_id

        def apologize() -> HandlerResult:
            ctx.effects = Effects()
            with time_limit(self._platform.settings.handler_timeout_seconds):
                behaviour.give_up(ctx, error)
            return self._result(ctx, queued)

        return self._writes.once(queued.bot_id, int(update["update_id"]), apologize, part="error")

    def _context(self, behaviour: Behaviour, update: dict[str, Any], queued: QueuedUpdate) -> Context | None:
        kind = kind_of(update)
        event = read_event(update, kind)
        if event is None:
            return None
        chat = getattr(getattr(event, "message", None) or event, "chat", None)
        person = getattr(event, "from_user", None)
        if person is not None and not is_telegram_id(person.id):
            raise Unreadable("its sender has no id of Telegram's")
        lead = lead_of(person)
        ctx = Context(
            bot=behaviour.bot,
            kind=kind,
            event=event,
            chat_id=getattr(chat, "id", 0) or lead.telegram_id,
            lead=lead,
            update=update,
            request_id=queued.request_id,
            notify_owner=lambda about, params: self._notify(behaviour, about, params),
        )
        ctx.pack = partial(pack, self._guard.signer, self._platform.settings, behaviour.bot.id)
        ctx.lock = partial(
            self._locks.hold, behaviour.bot.id, patient=queued.suspected or queued.attempts > 0
        )
        ctx.load_state = lambda: self._load_state(conversation_key(ctx), behaviour.bot.id)
        return ctx

    def _result(self, ctx: Context, queued: QueuedUpdate) -> HandlerResult:
        """Put the wishes into their stored form; a wish that JSON cannot hold, or a refused link, is the handler's failure."""
        wanted = ctx.effects
        conversation = None
        if wanted.conversation is not None:
            ended = not any(wanted.conversation.values())
            conversation = "" if ended else self._stored(wanted.conversation, queued.bot_id)
        sends = tuple(self._send(call, queued) for call in wanted.calls)
        kept = tuple(
            (
                keys.button_payload(queued.bot_id, each.name),
                seal_tokens(self._platform.vault, each.payload, queued.bot_id),
                each.seconds,
            )
            for each in wanted.kept
        )
        return HandlerResult(sends, conversation_key(ctx), conversation, kept)

    def _send(self, call: Call, queued: QueuedUpdate) -> Send:
        check_buttons(call.params)
        chat = str(call.params.get("chat_id", queued.chat))
        stored = self._stored({"method": call.method, "params": call.params}, queued.bot_id)
        return Send(*slot_of(call.method, call.params, str(call.priority), chat), stored)

    def _stored(self, value: dict[str, Any], bot_id: int) -> str:
        return dump_sealed(self._platform.vault, value, bot_id)

    def _load_state(self, key: str, bot_id: int) -> dict[str, Any]:
        stored = self._platform.redis.get(key)
        state = {} if stored is None else load_opened(self._platform.vault, str(stored), bot_id)
        return state if isinstance(state, dict) else {}

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
