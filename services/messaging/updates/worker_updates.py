"""Updates of bots whose owner's own program handles them: past the gate they go on to the worker's queue (ADR 42)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plugins.answers import CALL_ANSWERED
from plugins.context import Context
from plugins.timers import TIMER_FIRED
from services.alerts.dead_letters.replay_id import replay_of
from services.core.encryption import Vault
from services.core.metrics import UPDATES
from services.messaging.limits.captcha_choices import is_choice
from services.messaging.plugin_runtime.external_worker import ExternalWorker
from services.messaging.updates.captcha import start_param_of, start_update
from services.messaging.updates.contexts import context_of
from services.messaging.updates.handler_results import result_of
from services.messaging.updates.queued_update import EMPTY_RESULT, HandedOver, HandlerResult, QueuedUpdate
from services.platform.redis import work_keys
from services.platform.token_encryption import dump_sealed

MARK_SECONDS = 7 * 86_400


def for_worker(vault: Vault, worker: ExternalWorker, ctx: Context, queued: QueuedUpdate) -> HandlerResult:
    """What becomes of an update that was let in: it goes on to the worker."""
    if ctx.kind in (CALL_ANSWERED, TIMER_FIRED):
        return EMPTY_RESULT  # what a plugin asked for before the worker had the bot
    text, start = queued.update, ctx.start_param or ""
    if ctx.tap is not None and is_choice(ctx.tap.action):  # the right one: the /start that was held goes on
        update = start_update(ctx)
        text, start = dump_sealed(vault, update, queued.bot_id), _start_of(ctx, update)
    UPDATES.labels("handed").inc()
    handed = HandedOver(worker.public_id, worker.ordered, queued.chat, start, text)
    result = result_of(vault, ctx, queued)
    return replace(result, handed=handed, kept=(*result.kept, *_mark_of(queued)))


def _mark_of(queued: QueuedUpdate) -> tuple[tuple[str, str, int], ...]:
    """That a replay is not over when it leaves the lane: its dead letter waits for what the worker makes of it."""
    replay = replay_of(queued.request_id, "update")
    return () if replay is None else ((work_keys.replaying(queued.bot_id, *replay), "1", MARK_SECONDS),)


def _start_of(tapped: Context, update: dict[str, Any]) -> str:
    started = context_of(tapped.bot, update)
    return "" if started is None else start_param_of(started)
