"""getUpdates: long polling with offset, limit, timeout; the newer of two pollers wins."""

from __future__ import annotations

import time

from tools.sandbox.errors import OTHER_POLLER, UNAUTHORIZED, WEBHOOK_ACTIVE, ApiError
from tools.sandbox.methods.webhook import apply_allowed_updates
from tools.sandbox.model import Bot, BotStatus, Json
from tools.sandbox.params import Params
from tools.sandbox.world import World

LIMIT = 100
LONGEST_POLL = 50
"""Seconds; Bot API servers cut longer polls."""


def get_updates(world: World, bot: Bot, params: Params) -> list[Json]:
    """Pending updates, waiting up to ``timeout`` seconds for the first. ApiError 409, or 401
    when the token dies meanwhile."""
    _refuse_webhook(bot)
    bot.poll_number += 1
    mine = bot.poll_number
    bot.inbox.wake()
    apply_allowed_updates(bot.inbox, params)
    if params.integer("offset"):
        world.stats.updates_delivered += bot.inbox.confirm_below(params.integer("offset"))
    limit = max(1, min(params.integer("limit", LIMIT) or LIMIT, LIMIT))
    deadline = time.monotonic() + min(params.integer("timeout"), LONGEST_POLL)
    while True:
        world.stats.updates_expired += bot.inbox.expire(world.clock.now())
        found = [entry.body for entry in bot.inbox.head(limit)]
        if found or time.monotonic() >= deadline:
            return found
        _wait(bot, deadline - time.monotonic())
        _refuse_webhook(bot)
        if bot.status is BotStatus.REVOKED or world.bots.get(bot.id) is not bot:
            raise ApiError(*UNAUTHORIZED)
        if bot.poll_number != mine:
            raise ApiError(409, OTHER_POLLER)


def _refuse_webhook(bot: Bot) -> None:
    if bot.webhook is not None:
        raise ApiError(409, WEBHOOK_ACTIVE)


def _wait(bot: Bot, seconds: float) -> None:
    """Sleep until an update, another poller or a webhook arrives."""
    bot.inbox.arrived.wait(timeout=max(seconds, 0.0))
