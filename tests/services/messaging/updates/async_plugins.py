"""Plugins whose handlers are coroutines. Importing this module adds them to the catalogue of the process."""

from __future__ import annotations

import asyncio
from typing import Any

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import PASS, Router
from services.fleet.plugin_catalogue import offer

TOGETHER = 12  # chats that wait for each other
arrived: set[int] = set()


class AsyncPlugin(BasePlugin):
    """`/visit` counts in the store between two waits, `/meet` waits for the others, `/fail` fails, the rest is passed on."""

    name = "async"

    def setup_handlers(self, router: Router) -> None:
        router.command("visit", exclusive="visits:{user}")(self.visit)
        router.command("meet")(self.meet)
        router.command("fail")(self.fail)
        router.message()(self.leave)
        router.message()(lambda _message, ctx: ctx.send("passed on"))
        router.error()(self.apologise)

    async def on_load(self) -> None:
        await asyncio.sleep(0)
        self.loaded = "loaded"

    async def visit(self, _message: Any, ctx: Context) -> None:
        key = f"visits:{ctx.lead.telegram_id}"
        visits = self.db.get(key, 0) + 1
        await asyncio.sleep(0.01)
        self.db.set(key, visits)
        ctx.send(f"{self.loaded}, visit {visits}")

    async def meet(self, _message: Any, ctx: Context) -> None:
        arrived.add(ctx.chat_id)
        while len(arrived) < TOGETHER:
            await asyncio.sleep(0.01)
        ctx.send("met")

    async def fail(self, _message: Any, ctx: Context) -> None:
        ctx.send("never seen")
        await asyncio.sleep(0)
        raise ValueError("on order")

    async def leave(self, _message: Any, _ctx: Context) -> object:
        await asyncio.sleep(0)
        return PASS

    async def apologise(self, error: str, ctx: Context) -> None:
        await asyncio.sleep(0)
        ctx.send(f"given up: {error}")


offer(AsyncPlugin)
