# mypy: disable-error-code="import-untyped"
"""Webhook delivery by Telegram's rules: lanes in order, one in flight each, many lanes at once."""

from __future__ import annotations

import json
import random
import time
from collections import deque
from dataclasses import dataclass, field

import gevent

from tools.sandbox.backoff import GONE_PERIOD, random_cap, retry_delay
from tools.sandbox.errors import ApiError
from tools.sandbox.inbox import Entry
from tools.sandbox.methods import BY_LOWER_NAME
from tools.sandbox.model import Bot, BotStatus, Webhook
from tools.sandbox.params import Params
from tools.sandbox.posting import Outcome, Poster
from tools.sandbox.world import World


@dataclass(slots=True)
class Lane:
    """A queue of updates that are delivered one after the other: a chat, or a user's callbacks."""

    name: str
    cap: float
    entries: deque[Entry] = field(default_factory=deque)
    failures: int = 0
    scheduled: bool = False
    """Ready, in flight or waiting for its next attempt."""
    timer: gevent.Greenlet[..., None] | None = None
    """Set while waiting."""


class Delivery:
    """The delivery of one bot's updates to its webhook; ends when the webhook is deleted."""

    def __init__(self, world: World, poster: Poster, bot: Bot, hook: Webhook) -> None:
        self._world = world
        self._poster = poster
        self._bot = bot
        self.hook = hook
        self._rng = random.Random(world.settings.seed)
        self._lanes: dict[str, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._workers = 0
        self.stopped = False
        for entry in bot.inbox.entries.values():
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Take an update that was just queued."""
        lane = self._lanes.get(entry.lane)
        if lane is None:
            lane = self._lanes[entry.lane] = Lane(entry.lane, random_cap(self._rng))
        lane.entries.append(entry)
        if not lane.scheduled:
            self._schedule(lane, 0.0)

    def change_hook(self, hook: Webhook) -> None:
        """Deliver somewhere else from now on; what waits for a retry is tried at once."""
        self.hook = hook
        for lane in list(self._lanes.values()):
            if lane.timer is not None:
                lane.timer.kill(block=False)
                lane.failures = 0
                self._schedule(lane, 0.0)

    def wake(self) -> None:
        """Go on after a pause (the bot was revoked and came back)."""
        if not self._paused():
            for _ in range(min(len(self._ready), self.hook.max_connections - self._workers)):
                self._workers += 1
                gevent.spawn(self._work)

    def _paused(self) -> bool:
        return self.stopped or self._bot.status is BotStatus.REVOKED

    def _schedule(self, lane: Lane, delay: float) -> None:
        lane.scheduled = True
        lane.timer = None
        if delay > 0:
            wait = delay * self._world.settings.retry_factor
            lane.timer = gevent.spawn_later(wait, self._schedule, lane, 0.0)
            return
        self._ready.append(lane)
        if self._workers < self.hook.max_connections and not self._paused():
            self._workers += 1
            gevent.spawn(self._work)

    def _work(self) -> None:
        """One of up to max_connections connections: deliver heads of ready lanes until none is left."""
        try:
            while self._ready and not self._paused():
                lane = self._ready.popleft()
                entry = self._head(lane)
                if entry is None:
                    self._lanes.pop(lane.name, None)
                    continue
                hook, began = self.hook, time.monotonic()
                outcome = self._poster.post(hook, entry.body)
                if outcome.ok:
                    self._world.stats.webhook_seconds.append(time.monotonic() - began)
                self._settle(lane, entry, hook, outcome)
        finally:
            self._workers -= 1

    def _head(self, lane: Lane) -> Entry | None:
        """The lane's oldest update that is still wanted; expired and dropped ones fall away."""
        pending = self._bot.inbox.entries
        while lane.entries:
            entry = lane.entries[0]
            if entry.seq in pending and entry.expires_at > self._world.clock.now():
                return entry
            lane.entries.popleft()
            lane.failures = 0
            if pending.pop(entry.seq, None) is not None:
                self._world.stats.updates_expired += 1
        return None

    def _settle(self, lane: Lane, entry: Entry, hook: Webhook, outcome: Outcome) -> None:
        if outcome.ok:
            hook.gone_since = 0.0
            self._delivered(lane, entry, outcome)
            self._schedule(lane, 0.0)
            return
        self._world.stats.updates_retried += 1
        if (
            hook is not self.hook
        ):  # another webhook was set meanwhile: what the former one answered counts no longer
            lane.failures = 0
            self._schedule(lane, 0.0)
            return
        lane.failures += 1
        self._note_failure(hook, outcome)
        self._schedule(lane, retry_delay(lane.failures, lane.cap, outcome.retry_after))

    def _delivered(self, lane: Lane, entry: Entry, outcome: Outcome) -> None:
        lane.entries.popleft()
        lane.failures = 0
        self._bot.inbox.confirm([entry.seq])
        self._world.stats.updates_delivered += 1
        if outcome.body[:1] == b"{":
            self._call_from_answer(outcome.body)

    def _call_from_answer(self, body: bytes) -> None:
        """A webhook may answer with a method to call; like Telegram, its result is told to nobody."""
        try:
            values = json.loads(body)
            method = BY_LOWER_NAME.get(str(values.pop("method", "")).lower())
            if method:
                method[1](self._world, self._bot, Params(values))
        except (ValueError, ApiError):
            return

    def _note_failure(self, hook: Webhook, outcome: Outcome) -> None:
        now = self._world.clock.now()
        hook.last_error_date = int(now)
        hook.last_error_message = outcome.error
        if outcome.status != 410:
            hook.gone_since = 0.0
        elif not hook.gone_since:
            hook.gone_since = now
        elif now - hook.gone_since >= GONE_PERIOD and self._bot.webhook is hook:
            self._bot.webhook = None
            self._world.on_bot_changed(self._bot)


class Deliveries:
    """All running deliveries of a world; keeps them in step with the bots' webhooks."""

    def __init__(self, world: World, poster: Poster) -> None:
        self._world = world
        self._poster = poster
        self._running: dict[int, Delivery] = {}
        world.on_update = self._on_update
        world.on_bot_changed = self._on_bot_changed
        world.on_reset = self.stop

    def _on_update(self, bot: Bot, entry: Entry) -> None:
        delivery = self._running.get(bot.id)
        if delivery is not None:
            delivery.add(entry)

    def _on_bot_changed(self, bot: Bot) -> None:
        delivery = self._running.get(bot.id)
        if delivery is None:
            if bot.webhook is not None:
                self._running[bot.id] = Delivery(self._world, self._poster, bot, bot.webhook)
        elif bot.webhook is None:
            delivery.stopped = True
            del self._running[bot.id]
        else:
            if delivery.hook is not bot.webhook:
                delivery.change_hook(bot.webhook)
            delivery.wake()

    def stop(self) -> None:
        """End all deliveries; what is in flight is not waited for."""
        for delivery in self._running.values():
            delivery.stopped = True
        self._running.clear()
