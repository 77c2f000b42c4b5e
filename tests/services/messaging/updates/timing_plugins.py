"""Plugins that set timers. Importing this module adds them to the catalogue of the process."""

from __future__ import annotations

from typing import Any

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import Router
from plugins.timers import TimerFired
from services.fleet.plugin_catalogue import offer


class TimingPlugin(BasePlugin):
    """`/in N` says something in N seconds, `/off` does not; `/fail` sets one whose handler fails."""

    name = "timing"

    def setup_handlers(self, router: Router) -> None:
        router.command("in")(self.set)
        router.command("off")(lambda _message, ctx: ctx.cancel_timer("say"))
        router.command("fail")(lambda _message, ctx: ctx.set_timer("fail", 0))
        router.timer("say")(self.say)
        router.timer("fail")(self.fail)

    def set(self, message: Any, ctx: Context) -> None:
        ctx.set_timer("say", float(message.text.split()[1]), {"text": message.text})
        ctx.send("set")

    def say(self, fired: TimerFired, ctx: Context) -> None:
        said = self.db.get("said", 0) + 1
        self.db.set("said", said)
        ctx.send(f"{ctx.lead.first_name} {fired.note['text']} {said}")

    def fail(self, _fired: TimerFired, _ctx: Context) -> None:
        raise ValueError("on order")


offer(TimingPlugin)
