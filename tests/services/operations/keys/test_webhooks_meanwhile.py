"""Telegram calls on while a key is replaced, and the webhook's secret with it."""

from __future__ import annotations

import threading
import time

from services.core.key_file import LOOK_SECONDS
from services.fleet.bots.webhook_secret import webhook_secret
from services.messaging.updates.webhook_auth import WebhookAuth
from services.operations.keys.rotation import rotate
from services.platform.platform import Platform
from services.platform.redis import keys


def test_telegram_is_refused_nothing_while_a_key_is_replaced(kept: Platform) -> None:
    kept.redis.hset(keys.webhook_paths(), "path1", "1")
    door = WebhookAuth(Platform(kept.settings))  # of a web process that began before
    known = [before := webhook_secret(kept.vault, "path1")]
    answers: list[tuple[str, int | None]] = []
    over = threading.Event()

    def call() -> None:
        while not over.wait(0.002):
            secret = known[-1]
            answers.append((secret, door.bot_behind("path1", secret)))

    telegram = threading.Thread(target=call)
    telegram.start()
    rotate(kept, adoption_seconds=2 * LOOK_SECONDS)
    known.append(after := webhook_secret(kept.vault, "path1"))  # as the reconciler sets it
    time.sleep(0.2)
    over.set()
    telegram.join()
    assert {secret for secret, _ in answers} == {before, after}
    assert {bot_id for _, bot_id in answers} == {1}
    assert door.bot_behind("path1", before) == 1  # a bot whose webhook is set later
    assert door.bot_behind("path1", "0" * 64) is None
