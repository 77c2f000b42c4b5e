"""A bot with plugins whose updates are handled at once, with the product's own parts and everything in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cryptography.fernet import Fernet

from plugins.base import BasePlugin
from plugins.context import BotFacts, Context
from plugins.database import LeadRecord, MemoryDatabase, checked_tag
from plugins.effects import Busy, Effects
from plugins.goals import GoalWish
from plugins.texts import SAVING
from plugins.timers import TIMER_FIRED
from services.core.encryption import Vault
from services.core.settings import Settings
from services.messaging.buttons.callback_data import CallbackSigner
from services.messaging.buttons.signing import pack
from services.messaging.limits.notices import refuse
from services.messaging.limits.verdicts import Refusal
from services.messaging.outbox.call_answers import answer_update
from services.messaging.plugin_kit.played_files import PlayedFiles
from services.messaging.plugin_kit.played_http import PlayedHttp
from services.messaging.plugin_kit.played_memory import PlayedMemory, refusal_of_tap
from services.messaging.plugin_kit.played_telegram import PlayedTelegram, TelegramRefuses
from services.messaging.plugin_kit.played_timers import MOST_AT_ONCE, PlayedTimers
from services.messaging.plugin_runtime.behaviour import Behaviour, PluginAtWork, install
from services.messaging.timers.own_update import timer_update
from services.messaging.timers.rows import wished_by
from services.messaging.updates.contacts import start_payload
from services.messaging.updates.contexts import context_of
from services.messaging.updates.event_facts import conversation_key
from services.messaging.updates.handler_results import result_of
from services.messaging.updates.queued_update import HandlerResult, QueuedUpdate
from services.platform.token_encryption import load_opened

BOT = BotFacts(7, "test_bot", "Test bot")
FOR_EVER = float("inf")
Chosen = Sequence[tuple[type[BasePlugin], Mapping[str, Any]]]


class PlayTooLong(Exception):
    """What a play is to end with was reached: a moment, or a number of messages."""


class PlayedBot:
    """One bot, its clock, what it keeps, and the Telegram that it speaks to."""

    def __init__(self, plugins: Chosen, bot: BotFacts, admins: Collection[int] = ()) -> None:
        self.admins = admins
        self.telegram = PlayedTelegram()
        self.http, self.files, self.timers = PlayedHttp(), PlayedFiles(), PlayedTimers()
        self.now = time.time()  # epoch s; a test moves it on
        self.leads: dict[int, LeadRecord] = {}
        self.notifications: list[tuple[str, dict[str, Any]]] = []
        self.goals: list[tuple[int, GoalWish]] = []  # who reached what
        self._settings = Settings()
        self.vault = Vault((Fernet.generate_key().decode(),))
        self._signer = CallbackSigner(self.vault)
        self._ends_at, self._most_messages = FOR_EVER, FOR_EVER
        self._updates, self._memory = 0, PlayedMemory(lambda: self.now)
        self._stores: dict[str, MemoryDatabase] = {}
        self.behaviour = self._behaviour(plugins, bot)

    def choose(self, plugins: Chosen) -> None:
        """Have these plugins from now on; what each keeps stays."""
        self.behaviour.unload()
        self.behaviour = self._behaviour(plugins, self.behaviour.bot)

    def bound(self, seconds: float, messages: int) -> None:
        """Raise PlayTooLong in whatever goes on when so much time has passed from now, or so many messages were sent."""
        self._ends_at, self._most_messages = time.monotonic() + seconds, messages

    def handle(self, kind: str, content: dict[str, Any]) -> None:
        """Have the bot handle an update of Telegram's; what a handler raises comes out."""
        self._updates += 1
        self._handle({"update_id": self._updates, kind: content})

    def wait(self, seconds: float) -> None:
        """Let time pass; what is due meanwhile goes off at its moment."""
        until = self.now + seconds
        for _ in range(MOST_AT_ONCE):
            timer = self.timers.take_due(until, self.behaviour.parts)
            if timer is None:
                self.now = until
                return
            self.now = max(self.now, timer.due_at.timestamp())
            self._handle(timer_update(timer, self.leads.get(timer.telegram_id)))
        raise AssertionError(f"more than {MOST_AT_ONCE} timers went off: does each set the next?")

    def _handle(self, update: dict[str, Any]) -> None:
        self._check_bounds()
        queued, ctx = self._arrived(update)
        if ctx is None:
            return
        _meet(self, ctx)
        refusal = refusal_of_tap(ctx, self.now, self._signer, self.vault, self._memory)
        if refusal is not None:
            refuse(ctx, refusal)
            self._apply(result_of(self.vault, ctx, queued))
            return
        with _undone_on_failure(self._stores, self.leads):
            try:
                plugin = self.behaviour.handle(ctx)
            except Busy:
                ctx.effects, plugin = Effects(), None
                refuse(ctx, Refusal.LOCK)
            result = _result(self, ctx, queued, plugin)
        self.timers.change(wished_by(ctx))
        self._apply(result)

    def give_up(self, kind: str, content: dict[str, Any], error: str, error_id: str) -> None:
        """Have the error handlers told that such an update was given up."""
        queued, ctx = self._arrived({"update_id": 0, kind: content})
        if ctx is not None:
            ctx.error_id = error_id
            self.behaviour.give_up(ctx, error)
            self.timers.change(wished_by(ctx))
            self._apply(_result(self, ctx, queued, None))

    def conversation(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        """The conversation that such an update would belong to."""
        _, ctx = self._arrived({"update_id": 0, kind: content})
        return {} if ctx is None else ctx.load_state(ctx)

    def _check_bounds(self) -> None:
        if time.monotonic() > self._ends_at or len(self.telegram.shown) > self._most_messages:
            raise PlayTooLong

    def store(self, plugin: str) -> MemoryDatabase:
        """What the plugin keeps."""
        return self._stores[plugin]

    def _behaviour(self, plugins: Chosen, bot: BotFacts) -> Behaviour:
        parts: dict[str, PluginAtWork] = {}
        for plugin, config in plugins:
            checked = plugin.config_model.model_validate(dict(config), context={SAVING: True})
            store = self._stores.setdefault(plugin.name, MemoryDatabase(shared_leads=self.leads))
            parts[plugin.name] = install(plugin(bot.id, checked.model_dump(mode="json"), store))
            parts[plugin.name].hold()
        behaviour = Behaviour(bot, 1, True, (), parts, {}, {})
        behaviour.begin()
        return behaviour

    def _arrived(self, update: dict[str, Any]) -> tuple[QueuedUpdate, Context | None]:
        text = json.dumps(update)
        ctx = context_of(self.behaviour.bot, json.loads(text))
        queued = QueuedUpdate(f"{int(self.now * 1000)}-{self._updates}", BOT.id, "0", "test", text)
        if ctx is not None:
            queued.chat = str(ctx.chat_id)
            self._equip(ctx)
        return queued, ctx

    def _equip(self, ctx: Context) -> None:
        ctx.open_http = lambda _ctx: self.http
        ctx.files = self.files
        ctx.is_admin = ctx.lead.telegram_id in self.admins
        ctx.clock = lambda: self.now
        ctx.pack = partial(pack, self._signer, self._settings, BOT.id, clock=ctx.clock)
        ctx.lock = self._memory.lock
        ctx.load_state = lambda _ctx: load_opened(
            self.vault, self._memory.text(conversation_key(ctx)) or "{}", BOT.id
        )
        ctx.notify_owner = lambda kind, params: self.notifications.append((kind, params))
        ctx.start_param = start_payload(ctx) or ""

    def _apply(self, result: HandlerResult) -> None:
        if result.conversation is not None:
            seconds = self._settings.conversation_ttl_seconds
            self._memory.keep(result.conversation_key, result.conversation, seconds)
        for key, text, seconds in result.kept:
            self._memory.keep(key, text, seconds)
        for send in result.sends:
            self._call(load_opened(self.vault, send.call, BOT.id))

    def _call(self, call: dict[str, Any]) -> None:
        """Call Telegram; whoever wants the answer gets it at once."""
        self._check_bounds()
        try:
            outcome = {"ok": True, "result": self.telegram.call(call["method"], call["params"])}
        except TelegramRefuses as refusal:
            if "then" not in call:
                raise
            outcome = {"ok": False, "error_code": refusal.error_code, "description": refusal.description}
        if "then" in call and call["method"] not in self.telegram.silent:
            self._updates += 1
            place = (f"{int(self.now * 1000)}-{self._updates}", 0)
            self._handle(answer_update(call["then"], call["method"], outcome, place))


def _meet(bot: PlayedBot, ctx: Context) -> None:
    """Everybody who writes is known to the bot from then on."""
    if getattr(ctx.event, "from_user", None) is None or ctx.kind == TIMER_FIRED:
        return
    person, now = ctx.lead, datetime.fromtimestamp(bot.now, UTC)
    known = bot.leads.get(person.telegram_id)
    names = (person.first_name, person.last_name, person.username, person.language)
    since, tags = (known.first_interaction, known.tags) if known else (now, ())
    bot.leads[person.telegram_id] = LeadRecord(person.telegram_id, *names, "active", tags, since, now)


def _result(bot: PlayedBot, ctx: Context, queued: QueuedUpdate, plugin: str | None) -> HandlerResult:
    """What a handler wants; what it said of the person behind its update is noted."""
    person = ctx.lead.telegram_id
    lead, gone = bot.leads.get(person), {checked_tag(tag) for tag in ctx.effects.untagged}
    if lead is not None and gone:
        bot.leads[person] = replace(lead, tags=tuple(tag for tag in lead.tags if tag not in gone))
    bot.goals += [(person, wish) for wish in ctx.effects.goals]
    return result_of(bot.vault, ctx, queued, plugin=plugin or "")


@contextmanager
def _undone_on_failure(stores: Mapping[str, MemoryDatabase], leads: dict[int, LeadRecord]) -> Iterator[None]:
    """What a failing handler wrote into stores, and onto people, is not there."""
    before = [(store, store.kept()) for store in stores.values()]
    people = dict(leads)
    try:
        yield
    except BaseException:
        for store, kept in before:
            store.restore(kept)
        leads.clear()
        leads.update(people)
        raise
