"""The plugin of the bots under attack. Importing this module adds it to the catalogue of the process."""

from __future__ import annotations

import os
import time
from typing import Any

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import Router
from services.fleet.plugin_catalogue import offer

SLOW_SECONDS = 0.3  # long enough to be met by a kill


class ChaosPlugin(BasePlugin):
    """Answers a text with itself and how many came before it in this chat, so that an effect too many or too few shows.

    `die …` ends the process, `fail …` raises, `tell … slowly` takes SLOW_SECONDS.
    """

    name = "chaos"

    def setup_handlers(self, router: Router) -> None:
        """Take every text."""
        router.text()(self._count)

    def _count(self, message: Any, ctx: Context) -> None:
        word = message.text.partition(" ")[0]
        if word == "die":
            os._exit(9)
        if word == "fail":
            raise ValueError("on order")
        if message.text.endswith(" slowly"):
            time.sleep(SLOW_SECONDS)
        count = int(ctx.data.get("count", 0)) + 1
        ctx.update_data(count=count)
        ctx.send(f"{ctx.bot.username} {message.text} = {count}", parse_mode=None)


offer(ChaosPlugin)
