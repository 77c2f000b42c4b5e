"""From an update as it lies in its lane to the context that a plugin's handler works with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from plugins.context import BotFacts, Context
from plugins.fleet import Fleet, NoFleet
from services.alerts.notifications.kinds import Kind
from services.alerts.notifications.notify import notify
from services.core.errors import Unavailable
from services.core.identifiers import is_telegram_id
from services.core.times import utc_now
from services.messaging.buttons.callback_data import CallbackSigner
from services.messaging.buttons.signing import pack
from services.messaging.external_api.client import ExternalApi
from services.messaging.files.intake import FileIntake, Sender
from services.messaging.limits.admission import actor_of
from services.messaging.limits.locks import Locks
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.messaging.updates.answer_reader import read_own
from services.messaging.updates.event_facts import can_be_asked_again, conversation_key, lead_of, person_of
from services.messaging.updates.event_reader import Unreadable, read_event
from services.messaging.updates.queued_update import QueuedUpdate
from services.messaging.upgraded_groups import UpgradedGroups
from services.platform.platform import Platform
from services.platform.token_encryption import load_opened
from services.queueing.event_loop import run_coroutine
from services.queueing.lanes import kind_of

logger = logging.getLogger(__name__)
Fleets = Callable[[Context], Fleet]  # what the manager bot's plugin is given for an update


def no_fleet(_ctx: Context) -> Fleet:
    """Where nobody answers for the manager bot."""
    return NoFleet()


def context_of(bot: BotFacts, update: dict[str, Any]) -> Context | None:
    """The context of `update` with its facts alone; None for a kind that this release does not know. Raises Unreadable."""
    kind = kind_of(update)
    event = read_own(update, kind) or read_event(update, kind)
    if event is None:
        return None
    chat = getattr(getattr(event, "message", None) or event, "chat", None)
    person = person_of(event)
    if person is not None and not is_telegram_id(person.id):
        raise Unreadable("its sender has no id of Telegram's")
    lead = lead_of(person)
    chat_id = getattr(chat, "id", 0) or lead.telegram_id
    return Context(bot=bot, kind=kind, event=event, chat_id=chat_id, lead=lead, update=update)


class ContextFactory:
    """Makes contexts; what a handler may ask for, locks and the conversation's state for example, is looked up when asked."""

    def __init__(self, platform: Platform, signer: CallbackSigner, fleets: Fleets = no_fleet) -> None:
        self._platform = platform
        self._fleets = fleets
        self._signer = signer
        self._groups = UpgradedGroups(platform)
        self._locks = Locks(platform.leases, ttl_seconds=platform.settings.lock_seconds)
        self._run = partial(run_coroutine, step_seconds=platform.settings.handler_timeout_seconds)

    def parse(self, queued: QueuedUpdate) -> dict[str, Any]:
        """The update as Telegram sent it, its tokens opened; Unreadable when it is none."""
        try:
            update = load_opened(self._platform.vault, queued.update, queued.bot_id)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        if not isinstance(update, dict):
            raise Unreadable("it is no JSON object")
        return update

    def make(self, behaviour: Behaviour, update: dict[str, Any], queued: QueuedUpdate) -> Context | None:
        """The context of `update`; None for a kind that this release does not know. Raises Unreadable."""
        ctx = context_of(behaviour.bot, update)
        if ctx is not None:
            ctx.request_id = queued.request_id
            ctx.is_admin = behaviour.access.is_admin(actor_of(update) or 0, utc_now())
            ctx.notify_owner = partial(self._notify, behaviour, f"{behaviour.bot.id}:{update['update_id']}")
            self._equip(ctx, queued)
            sender = Sender(behaviour.bot.id, int(update["update_id"]), ctx.lead.telegram_id)
            ctx.files = FileIntake(self._platform, behaviour.account_id, sender)
            if behaviour.bot.is_manager:
                ctx.fleet = self._fleets(ctx)
        return ctx

    def _equip(self, ctx: Context, queued: QueuedUpdate) -> None:
        """Nothing of it holds the context: a circle lasts until a search for garbage, and costs one."""
        bot_id = ctx.bot.id
        patient = queued.suspected or queued.attempts > 0 or not can_be_asked_again(ctx)
        ctx.run = self._run
        ctx.open_http = self._open_http
        ctx.pack = partial(pack, self._signer, self._platform.settings, bot_id)
        ctx.lock = partial(self._locks.hold, bot_id, patient=patient)
        ctx.load_state = self._load_state

    def _open_http(self, ctx: Context) -> ExternalApi:
        return ExternalApi(self._platform, ctx.bot.id, lambda: ctx.plugin)

    def _load_state(self, ctx: Context) -> dict[str, Any]:
        bot_id = ctx.bot.id
        stored, ctx.former_chat_id = self._groups.stored(bot_id, ctx.chat_id, conversation_key(ctx))
        if ctx.former_chat_id:
            stored, _ = self._groups.stored(bot_id, ctx.former_chat_id, conversation_key(ctx))
        state = {} if stored is None else load_opened(self._platform.vault, stored, bot_id)
        return state if isinstance(state, dict) else {}

    def _notify(self, behaviour: Behaviour, update: str, kind: str, params: dict[str, Any]) -> None:
        """Once for an update, however often that is handled. ValueError for a kind or a shape that there is not."""
        known = Kind(kind)
        try:
            with self._platform.database.transaction() as session:
                notify(
                    session,
                    behaviour.account_id,
                    known,
                    known.level,
                    f"{known}:{params.get('error_id') or update}",
                    {**params, "bot": behaviour.bot.username},
                    bot_id=behaviour.bot.id,
                )
        except Unavailable:
            logger.warning("the owner could not be notified")
