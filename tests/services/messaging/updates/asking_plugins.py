"""Plugins that want to know what came of their calls. Importing this module adds them to the catalogue of the process."""

from __future__ import annotations

from plugins.answers import CallAnswer
from plugins.base import BasePlugin
from plugins.context import Context
from plugins.router import Router
from services.fleet.plugin_catalogue import offer


class AskingPlugin(BasePlugin):
    """`/ask` sends and edits what was sent; `/astray` sends to nobody; `/lost` asks for what has no route."""

    name = "asking"

    def setup_handlers(self, router: Router) -> None:
        router.command("ask")(lambda message, ctx: ctx.send("one", then="sent", note={"from": message.text}))
        router.command("astray")(lambda _message, ctx: ctx.send("x", chat_id=-404, then="sent", note={}))
        router.command("lost")(lambda _message, ctx: ctx.send("one", then="nowhere"))
        router.answered("sent")(self.sent)

    def sent(self, answer: CallAnswer, ctx: Context) -> None:
        self.db.set("answers", self.db.get("answers", 0) + 1)
        if answer.ok:
            ctx.edit(f"edited after {answer.note['from']}", message_id=answer.result["message_id"])
        else:
            ctx.send(f"{ctx.lead.first_name}: {answer.error_code} {answer.description}")


class ListeningPlugin(BasePlugin):
    """Would like to hear answers that are another's."""

    name = "listening"

    def setup_handlers(self, router: Router) -> None:
        router.answered("sent", "nowhere")(lambda _answer, ctx: ctx.send("overheard"))


offer(AskingPlugin, ListeningPlugin)
