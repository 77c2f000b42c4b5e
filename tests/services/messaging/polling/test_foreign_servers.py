"""Bot API servers that do not hold long polls open."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from models import Bot
from services.messaging.polling.timings import PollTimings
from services.platform.platform import Platform
from services.platform.telegram.client import TelegramClient
from tests.services.messaging.polling.test_polling import poll
from tools.servers.broken import answering, http


@pytest.mark.parametrize(
    "result", ["[]", '[{"update_id": 7}]', '["nonsense"]'], ids=["nothing", "the same again", "no update"]
)
def test_a_server_that_does_not_hold_long_polls_is_not_asked_as_fast_as_it_answers(
    platform: Platform, bot: Bot, monkeypatch: pytest.MonkeyPatch, result: str
) -> None:
    ready = poll(platform, bot.id)
    ready.timings, ready.stopped = PollTimings(fruitless=60.0), EndedByPauses(3)
    asked = []

    def call(*arguments: Any, **more: Any) -> Any:
        asked.append(arguments)
        if len(asked) > 20:
            ready.stop()
        return TelegramClient.call(ready.client, *arguments, **more)

    with answering(http(f'{{"ok": true, "result": {result}}}'.encode())) as url:
        foreign = Platform(platform.settings.model_copy(update={"telegram_api_url": url}))
        monkeypatch.setattr(ready, "client", foreign.telegram)
        monkeypatch.setattr(ready.client, "call", call)
        ready.run()
    assert len(asked) <= 1 + 3 + 1, "the first asks for no long poll, nor has the second an offset"
    assert all(seconds > 0 for seconds in ready.stopped.pauses)


class EndedByPauses(threading.Event):
    """Is set after so many waits, none of which takes time."""

    def __init__(self, pauses: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._most = pauses

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0)
        if len(self.pauses) == self._most:
            self.set()
        return self.is_set()
