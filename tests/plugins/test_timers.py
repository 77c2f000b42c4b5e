"""Timers as a plugin's author uses them, in a chat whose clock can be moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.database import StoreError
from plugins.router import Router
from plugins.testing import Chat
from plugins.timers import LONGEST_KEY, LONGEST_WAIT, MOST_TIMERS, TimerFired


class Reminder(BasePlugin):
    """/in N reminds after N seconds; /stop forgets it; /again is reminded again and again; /fail sets one and fails."""

    name = "reminder"

    def setup_handlers(self, router: Router) -> None:
        router.command("in")(self.remind_in)
        router.command("stop")(lambda _message, ctx: ctx.cancel_timer("remind:tea"))
        router.command("again")(lambda _message, ctx: ctx.set_timer("again", 60))
        router.command("fail")(self.fail)
        router.timer("remind")(self.remind)
        router.timer("again")(self.again)

    def remind_in(self, message: Any, ctx: Context) -> None:
        ctx.set_timer("remind:tea", float(ctx.command.args if ctx.command else 0), {"said": message.text})

    def remind(self, fired: TimerFired, ctx: Context) -> None:
        late = ctx.now - fired.due_at
        ctx.send(f"{ctx.lead.first_name}: {fired.key} {fired.note['said']} {late.total_seconds():.0f}")

    def again(self, _fired: TimerFired, ctx: Context) -> None:
        ctx.send("again")
        ctx.set_timer("again", 60)

    def fail(self, _message: Any, ctx: Context) -> None:
        ctx.set_timer("again", 1)
        raise ValueError("on order")


class Other(BasePlugin):
    """Would like to hear another's."""

    name = "other"

    def setup_handlers(self, router: Router) -> None:
        router.timer("remind")(lambda _fired, ctx: ctx.send("overheard"))


def test_a_timer_goes_off_at_its_moment_and_only_for_its_plugin_and_chat() -> None:
    chat = Chat(Reminder, beside=[(Other, {})])
    bia = chat.person(6, first_name="Bia")
    chat.send("/in 600")
    bia.send("/in 60")
    assert chat.timers == {"remind:tea": 600.0}
    chat.wait(minutes=5)
    assert (chat.texts, bia.texts) == ([], ["Bia: remind:tea /in 60 0"])
    chat.wait(minutes=5)
    assert chat.texts == ["Ana: remind:tea /in 600 0"]
    chat.wait(days=1)
    assert len(chat.texts) == 1


def test_the_same_key_is_set_anew_and_a_cancelled_one_never_goes_off() -> None:
    chat = Chat(Reminder)
    for text in ("/in 60", "/in 120"):
        chat.send(text)
    chat.wait(seconds=100)
    assert chat.texts == []
    chat.send("/stop")
    chat.wait(days=1)
    assert chat.texts == []


def test_a_timer_may_set_the_next_and_the_clock_stands_at_each() -> None:
    chat = Chat(Reminder)
    chat.send("/again")
    chat.wait(minutes=5)
    assert chat.texts == ["again"] * 5


def test_what_a_failing_handler_set_is_not_set() -> None:
    chat = Chat(Reminder)
    with pytest.raises(ValueError, match="on order"):
        chat.send("/fail")
    assert chat.timers == {}


def test_the_timer_of_a_plugin_that_is_off_waits_for_it() -> None:
    chat = Chat(Reminder)
    chat.send("/in 60")
    chat.replace_plugins((Other, {}))
    chat.wait(minutes=10)
    assert chat.texts == []
    chat.replace_plugins((Reminder, {}))
    chat.wait(seconds=1)
    assert chat.texts == [f"Ana: remind:tea /in 60 {timedelta(minutes=9).seconds}"]


@pytest.mark.parametrize(
    "wish",
    [
        lambda ctx: ctx.set_timer("", 1),
        lambda ctx: ctx.set_timer("k" * (LONGEST_KEY + 1), 1),
        lambda ctx: ctx.set_timer("k", -1),
        lambda ctx: ctx.set_timer("k", LONGEST_WAIT + 1),
        lambda ctx: ctx.set_timer("k", float("nan")),
        lambda ctx: ctx.set_timer("k", 1, "x" * 5000),
        lambda ctx: ctx.set_timer("k", 1, object()),
        lambda ctx: [ctx.set_timer(f"k{n}", 1) for n in range(MOST_TIMERS + 1)],
    ],
)
def test_what_cannot_be_kept_is_refused(wish: Any) -> None:
    class Wishing(BasePlugin):
        name = "wishing"

        def setup_handlers(self, router: Router) -> None:
            router.message()(lambda _message, ctx: wish(ctx))

    with pytest.raises(StoreError):
        Chat(Wishing).send("go")
