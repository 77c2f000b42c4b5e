"""A plugin with buttons, sensitive commands and locks. Importing this module adds it to the catalogue of the process."""

from __future__ import annotations

import threading
from typing import Any

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import Router
from services.fleet.plugin_catalogue import offer

may_go_on = threading.Event()  # what /slow waits for
entered = threading.Event()  # set by /slow
handled: list[str] = []


class ShopPlugin(BasePlugin):
    """/menu shows buttons, /pay is sensitive, /slow holds a lock, anything else is echoed."""

    name = "shop"

    def setup_handlers(self, router: Router) -> None:
        router.command("menu")(self._menu)
        router.command("pay", sensitive=True)(lambda message, ctx: ctx.send("paid"))
        router.command("slow", exclusive="till")(self._slow)
        router.content_type("successful_payment")(self._paid)
        router.callback("buy", "wide")(self._bought)
        router.callback("take", exclusive="stock")(lambda _query, ctx: ctx.send("taken"))
        router.text()(lambda message, ctx: ctx.send(message.text))

    def _menu(self, _message: Any, ctx: Context) -> None:
        buttons = [
            ctx.button("Buy", "buy", "7"),
            ctx.button("Buy once", "buy", "8", once=True),
            ctx.button("Anybody", "buy", "9", everybody=True),
            ctx.button("Wide", "wide", "x" * 500),
        ]
        ctx.send("menu", reply_markup={"inline_keyboard": [buttons]})

    def _bought(self, _query: Any, ctx: Context) -> None:
        assert ctx.tap is not None
        handled.append(ctx.tap.payload)
        ctx.send(f"{ctx.tap.action} {len(ctx.tap.payload)}")

    def _paid(self, _message: Any, ctx: Context) -> None:
        with ctx.lock("stock"):
            ctx.send("paid out")

    def _slow(self, message: Any, ctx: Context) -> None:
        entered.set()
        may_go_on.wait(10)
        ctx.send("slow done")


offer(ShopPlugin)
