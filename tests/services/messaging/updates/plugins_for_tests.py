"""Plugins that misbehave on order. Importing this module adds them to the catalogue of the process."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from typing import Any

from gevent import monkey

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import CALLBACK, PASS, Router
from services.fleet.plugin_catalogue import offer

logger = logging.getLogger(__name__)
calls: list[tuple[int, str]] = []  # (bot, text) in order of handling
released = threading.Event()  # ends every `hold`
mended = False  # whether `mend` works by now


class TrialPlugin(BasePlugin):
    """`sleep S`, `fail`, `fail N` (the first N times), `mend` (until mended), `die`, `block` (for S seconds, or for ever), `exit`, `cancel`, `half` (an effect that cannot be written), `count` (conversation state), `raw` (what only the update has), anything else: echo."""

    name = "trial"

    def setup_handlers(self, router: Router) -> None:
        router.on(CALLBACK, lambda query, _ctx: query.data == "quiet")(lambda query, ctx: None)
        router.on(CALLBACK, lambda query, _ctx: query.data.startswith("tap:"))(
            lambda query, ctx: ctx.send(f"tapped {query.data}")
        )
        router.on(CALLBACK, lambda query, _ctx: query.data == "edit")(lambda query, ctx: ctx.edit("edited"))
        router.message()(self._handle)

    def on_bot_stop(self) -> None:
        logger.warning("trial serves its bot no longer")

    def _handle(self, message: Any, ctx: Context) -> object:
        calls.append((ctx.bot.id, message.text))
        word, _, rest = message.text.partition(" ")
        match word:
            case "sleep":
                time.sleep(float(rest.split()[0]))
            case "fail" if not rest or calls.count((ctx.bot.id, message.text)) <= int(rest):
                ctx.send("never seen")
                raise ValueError("on order")
            case "mend" if not mended:
                raise ValueError("on order")
            case "die":
                os._exit(9)
            case "block":
                monkey.get_original("time", "sleep")(float(rest or 600))
            case "hold":
                released.wait(60)
            case "exit":
                raise SystemExit(3)
            case "cancel":
                raise asyncio.CancelledError
            case "half":  # a character: nothing that Redis could be sent
                ctx.send("x", chat_id="\ud800")
            case "count":
                ctx.update_data(seen=ctx.data.get("seen", 0) + 1)
                ctx.send(f"seen {ctx.data['seen']}")
                return None
            case "raw":
                ctx.send(f"moon: {ctx.update['message']['moon']}")
                return None
            case "unsendable":
                ctx.send("x", reply_markup={"no": object()})
            case "pass":
                return PASS
        ctx.send(message.text)
        return None


class AfterPlugin(BasePlugin):
    """Gets what others passed on."""

    name = "after"

    def setup_handlers(self, router: Router) -> None:
        router.message()(lambda message, ctx: ctx.send(f"after: {message.text}"))


class BrokenPlugin(BasePlugin):
    """Cannot be set up."""

    name = "broken"

    def setup_handlers(self, router: Router) -> None:
        router.message()(lambda message, ctx: ctx.send("half registered"))
        raise RuntimeError("no")


offer(TrialPlugin, AfterPlugin, BrokenPlugin)
