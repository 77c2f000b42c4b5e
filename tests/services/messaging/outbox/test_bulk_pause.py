"""The switch that holds bulk messages back: replies go on, and the rest is sent by itself when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from models import Bot
from plugins.effects import Priority
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName
from tests.services.messaging.draining import QUICK_SENDING
from tests.services.messaging.outbox.conftest import Put
from tests.services.messaging.outbox.test_outbox_consumer import texts
from tests.services.switching import end_in, switch_on
from tools.servers.sandbox import Sandbox


def test_bulk_waits_replies_go_on_and_bulk_follows_by_itself_when_the_time_is_over(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Callable[..., None],
    left: Callable[[], int],
) -> None:
    switch_on(platform, SwitchName.BULK_PAUSE)
    for user in people:
        put(user, "bulk", Priority.BULK)
    put(people[0], "reply")
    send_all()
    assert texts(sandbox, bot) == [(people[0], "reply")]
    put(people[0], "another")  # to somebody for whom bulk waits
    send_all()
    assert [text for _, text in texts(sandbox, bot)] == ["reply", "another"]
    assert left() == len(people)
    end_in(platform, SwitchName.BULK_PAUSE, 1.5)
    time.sleep(1.5)
    wait_and_send(send_all, left)
    assert [text for _, text in texts(sandbox, bot)].count("bulk") == len(people)


def test_a_pause_that_is_cleared_is_noticed_by_a_sender_at_work(
    platform: Platform,
    sandbox: Sandbox,
    bot: Bot,
    people: list[int],
    put: Put,
    send_all: Callable[..., None],
    left: Callable[[], int],
) -> None:
    switch_on(platform, SwitchName.BULK_PAUSE)
    put(people[0], "bulk", Priority.BULK)
    soon = partial(send_all, replace(QUICK_SENDING, bulk_look=1.5))
    soon()
    assert texts(sandbox, bot) == []
    end_in(platform, SwitchName.BULK_PAUSE, -1)
    wait_and_send(soon, left)
    assert texts(sandbox, bot) == [(people[0], "bulk")]


def wait_and_send(send_all: Callable[..., None], left: Callable[[], int]) -> None:
    """As the clock rings when a bot may go on."""
    ends = time.monotonic() + 10
    while left() and time.monotonic() < ends:
        send_all()
        time.sleep(0.1)
