"""The custom plugin of the bots, copied into PLUGINS_DIR: an owner's plugins stay through an upgrade."""

from __future__ import annotations

from typing import Any

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import Router


class Counting(BasePlugin):
    """Answers a text with itself and how many came before it in this chat, so that an effect too many or too few shows."""

    name = "counting"

    def setup_handlers(self, router: Router) -> None:
        """Take every text."""
        router.text()(self.count)

    def count(self, message: Any, ctx: Context) -> None:
        """One more."""
        number = int(ctx.data.get("count", 0)) + 1
        ctx.update_data(count=number)
        ctx.send(f"{ctx.bot.username} {message.text} = {number}", parse_mode=None)


plugin = Counting
