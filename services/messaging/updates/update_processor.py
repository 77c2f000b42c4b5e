"""One update, from its entry in the lane to what the bot's plugins want done about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import suppress

from plugins.context import Context
from plugins.effects import Busy, Call, Effects
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.core.metrics import HANDLER_SECONDS, RATE_LIMIT_HITS, TIMERS, UPDATES
from services.messaging.broadcasts.entrances import Entrances
from services.messaging.broadcasts.step_calls import follow_up_on
from services.messaging.limits.captcha_choices import is_choice
from services.messaging.limits.guard import Guard
from services.messaging.limits.notices import refuse
from services.messaging.limits.verdicts import Refusal
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.plugin_runtime.work import Work, note_wishes
from services.messaging.timers.rows import wished_by
from services.messaging.updates.captcha import start_param_of, start_update
from services.messaging.updates.contacts import Contacts
from services.messaging.updates.contexts import ContextFactory, Fleets, no_fleet
from services.messaging.updates.error_handlers import ErrorHandlers
from services.messaging.updates.event_reader import Unreadable
from services.messaging.updates.gate import Gate
from services.messaging.updates.handler_results import result_of
from services.messaging.updates.payments import answer_checkout, note_payment
from services.messaging.updates.plugin_writes import PluginWrites, TimerGone
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.timer_updates import TimerUpdates
from services.messaging.updates.timings import DEFAULT_TIMINGS, UpdateTimings
from services.messaging.updates.update_letters import UpdateLetters
from services.messaging.updates.worker_updates import for_worker
from services.messaging.upgraded_groups import UpgradedGroups, upgrade_told_by
from services.messaging.workers.trials import is_trial
from services.platform.platform import Platform
from services.queueing.bot_throttle import BotThrottle
from services.queueing.timeouts import time_limit

logger = logging.getLogger(__name__)


class UpdateProcessor:
    """Handles updates with the behaviours and contacts of this process."""

    def __init__(
        self,
        platform: Platform,
        plugins: PluginCache,
        contacts: Contacts,
        timings: UpdateTimings = DEFAULT_TIMINGS,
        fleets: Fleets = no_fleet,
    ) -> None:
        self._platform = platform
        self._vault = platform.vault
        self._plugins = plugins
        self._guard = Guard(platform)
        self._gate = Gate(platform, self._guard, contacts)
        self._groups = UpgradedGroups(platform)
        self._contexts = ContextFactory(platform, self._guard.signer, fleets)
        self._writes = PluginWrites(
            platform, HandlerResult.as_text, HandlerResult.from_text, timings.plugin_repeat
        )
        self._timers = TimerUpdates(platform)
        self._entrances = Entrances(platform)
        self._error_handlers = ErrorHandlers(platform, plugins, self._contexts, self._writes, self._timers)
        self.letters = UpdateLetters(platform)
        self.throttle = BotThrottle()

    def judge(self, batch: Sequence[QueuedUpdate]) -> None:
        """Look up in one round trip which of these may pass; the rest is judged when it is handled.

        Bots that are not at hand are read in one go, and their updates judged with those that are handled beside them.
        """
        with suppress(Unavailable):  # then they are asked for when their updates are handled, and wait there
            self._plugins.read_ahead(queued.bot_id for queued in batch)
        known = [(queued, self._plugins.peek(queued.bot_id)) for queued in batch]
        judged = [(queued, behaviour) for queued, behaviour in known if behaviour and behaviour.active]
        for (queued, _), verdict in zip(judged, self._guard.judge_all(judged), strict=True):
            queued.verdict = verdict

    def handle(self, queued: QueuedUpdate) -> HandlerResult:
        """Run the bot's handlers on one update.

        Raises Unavailable when the database is away, RedisError when an update that only Redis can judge could not be,
        Unreadable, HandlerTimeout, or whatever the handler raised.
        """
        with self._plugins.using(queued.bot_id) as behaviour:
            return self._handle(behaviour, queued)

    def _handle(self, behaviour: Behaviour | None, queued: QueuedUpdate) -> HandlerResult:
        if behaviour is None or not behaviour.active:
            UPDATES.labels("dropped").inc()
            logger.info("update dropped: the bot is %s", "stopped" if behaviour else "gone")
            return self._dropped(queued, Text("The bot is stopped"))
        if behaviour.identity.is_after(queued.entry_id):
            UPDATES.labels("dropped").inc()
            logger.info("update dropped: it came to the bot's former identity, which can answer nobody")
            why = Text(
                "It came to the bot's former identity, whose chats the new one does not have; discard the letter"
            )
            return self._dropped(queued, why)
        update = self._contexts.parse(queued)
        ctx = self._contexts.make(behaviour, update, queued)
        if ctx is None:
            UPDATES.labels("unknown_kind").inc()
            return EMPTY_RESULT
        upgrade = upgrade_told_by(update)
        if upgrade is not None:
            self._groups.note(queued.bot_id, *upgrade)
        if not self._gate.lets_in(behaviour, ctx, queued):
            self._timers.note_refused(behaviour, update)
            return result_of(self._vault, ctx, queued)
        if self._timers.waits(behaviour, update):
            return EMPTY_RESULT
        if behaviour.worker is not None:
            return for_worker(self._vault, behaviour.worker, ctx, queued)
        if not self._entrances.lets_in(queued.bot_id, update):
            return EMPTY_RESULT
        if ctx.tap is not None and is_choice(ctx.tap.action):
            return self._start_after_captcha(behaviour, ctx, queued)
        return self._handle_once(behaviour, ctx, queued)

    def _dropped(self, queued: QueuedUpdate, why: Text) -> HandlerResult:
        """Nothing comes of it but what has moved already: money."""
        if not is_trial(queued.request_id):
            note_payment(self._platform, queued.bot_id, self._contexts.parse(queued))
        self.letters.open_again(queued, why)
        return EMPTY_RESULT

    def _start_after_captcha(
        self, behaviour: Behaviour, tapped: Context, queued: QueuedUpdate
    ) -> HandlerResult:
        """The right emoji was tapped: /start goes on as if it had come now, in the handling of the tap."""
        ctx = self._contexts.make(behaviour, start_update(tapped), queued)
        if ctx is None:
            raise Unreadable("the message of a captcha is none")
        ctx.start_param = start_param_of(ctx)
        return self._handle_once(behaviour, ctx, queued, tapped.effects.calls)

    def _handle_once(
        self, behaviour: Behaviour, ctx: Context, queued: QueuedUpdate, first: Sequence[Call] = ()
    ) -> HandlerResult:
        update_id, timer = int(ctx.update["update_id"]), self._timers.taken_with(ctx.update, queued)
        try:
            handled = self._writes.once(
                queued.bot_id,
                update_id,
                lambda work: self._run(behaviour, ctx, queued, first, work),
                timer=timer,
            )
        except TimerGone:
            TIMERS.labels("void").inc()
            return EMPTY_RESULT
        except Busy:
            if timer:
                return EMPTY_RESULT  # it is rung for again
            handled = self._busy(ctx, queued, first)
        if not handled.sends:
            self._entrances.note_silence(queued.bot_id, ctx.update)
        UPDATES.labels("handled" if handled.plugin else "unwanted").inc()
        if timer:
            TIMERS.labels("handled").inc()
        return handled

    def _run(
        self, behaviour: Behaviour, ctx: Context, queued: QueuedUpdate, first: Sequence[Call], work: Work
    ) -> HandlerResult:
        """What the bot's handlers want done, after the calls of `first`; may be asked again."""
        ctx.effects, began = Effects([*first]), time.perf_counter()
        counted = self._plugins.counted(behaviour, ctx, is_first=not queued.attempts)
        with self._plugins.at_risk(behaviour, ctx, is_alone=queued.alone), counted:
            with time_limit(self._platform.settings.handler_timeout_seconds):
                plugin = behaviour.handle(ctx) or answer_checkout(behaviour, ctx)
            work.timers = wished_by(ctx)
            note_wishes(ctx)
            heard = follow_up_on(ctx, self._guard.signer)
            result = result_of(self._vault, ctx, queued, plugin=plugin or "", heard=heard)
        HANDLER_SECONDS.labels(plugin or "none").observe(time.perf_counter() - began)
        return result

    def _busy(self, ctx: Context, queued: QueuedUpdate, first: Sequence[Call]) -> HandlerResult:
        RATE_LIMIT_HITS.labels(Refusal.LOCK).inc()
        ctx.effects = Effects([*first])
        queued.unused = queued.verdict.once if queued.verdict else ""
        refuse(ctx, Refusal.LOCK)
        return result_of(self._vault, ctx, queued)

    def give_up(self, queued: QueuedUpdate, error: str, error_id: str) -> HandlerResult:
        """What the bot's error handlers want done about an update that is given up; see ErrorHandlers."""
        return self._error_handlers.give_up(queued, error, error_id)
