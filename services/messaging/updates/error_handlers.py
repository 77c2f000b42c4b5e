"""Updates that are given up: their timers go, and the bot's error handlers say what they want done."""

from __future__ import annotations

import logging
from functools import partial

from redis import RedisError

from plugins.context import Context
from plugins.effects import Effects
from services.alerts.dead_letters.replay_id import replay_of
from services.core.errors import Unavailable
from services.messaging.plugin_runtime.behaviour import Behaviour
from services.messaging.plugin_runtime.plugin_cache import PluginCache
from services.messaging.plugin_runtime.work import Work, note_wishes
from services.messaging.timers.rows import wished_by
from services.messaging.updates.contexts import ContextFactory
from services.messaging.updates.event_reader import Unreadable
from services.messaging.updates.handler_results import result_of
from services.messaging.updates.plugin_writes import PluginWrites
from services.messaging.updates.queued_update import EMPTY_RESULT, HandlerResult, QueuedUpdate
from services.messaging.updates.timer_updates import TimerUpdates
from services.platform.platform import Platform
from services.queueing.timeouts import time_limit

logger = logging.getLogger(__name__)


class ErrorHandlers:
    """Has error handlers run, with what an `UpdateProcessor` works with."""

    def __init__(
        self,
        platform: Platform,
        plugins: PluginCache,
        contexts: ContextFactory,
        writes: PluginWrites[HandlerResult],
        timers: TimerUpdates,
    ) -> None:
        self._platform = platform
        self._vault = platform.vault
        self._plugins, self._contexts, self._writes, self._timers = plugins, contexts, writes, timers

    def give_up(self, queued: QueuedUpdate, error: str, error_id: str) -> HandlerResult:
        """What the bot's error handlers want done about an update that is given up; a person hears of it once.

        `error` is the class of what was raised, for the handlers to decide by.
        Raises Unavailable or RedisError when the database or Redis is away; whatever else goes wrong comes to nothing.
        """
        if replay_of(queued.request_id, "update"):
            return EMPTY_RESULT
        self._timers.drop(queued)
        try:
            return self._run_error_handlers(queued, error, error_id)
        except (Unavailable, RedisError):
            raise
        except Unreadable:
            return EMPTY_RESULT
        except BaseException:  # somebody else's code may raise anything
            logger.exception("an error handler failed")
            return EMPTY_RESULT

    def _run_error_handlers(self, queued: QueuedUpdate, error: str, error_id: str) -> HandlerResult:
        with self._plugins.using(queued.bot_id) as behaviour:
            if behaviour is None or not behaviour.active:
                return EMPTY_RESULT
            update = self._contexts.parse(queued)
            ctx = self._contexts.make(behaviour, update, queued)
            if ctx is None:
                return EMPTY_RESULT
            ctx.error_id = error_id
            apologize = partial(self._apologize, behaviour, ctx, queued, error)
            return self._writes.once(queued.bot_id, int(update["update_id"]), apologize, part="error")

    def _apologize(
        self, behaviour: Behaviour, ctx: Context, queued: QueuedUpdate, error: str, work: Work
    ) -> HandlerResult:
        """What the error handlers want done; may be asked again."""
        ctx.effects = Effects()
        with time_limit(self._platform.settings.handler_timeout_seconds):
            behaviour.give_up(ctx, error)
        work.timers = wished_by(ctx)
        note_wishes(ctx)
        return result_of(self._vault, ctx, queued)
