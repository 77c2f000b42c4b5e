"""Tells people, and the owner if wanted, when an update could not be handled."""

from __future__ import annotations

from pydantic import Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.markup import HTML
from plugins.router import Router

SORRY = {
    "pt": "😕 Algo deu errado. Tente de novo daqui a pouco.",
    "en": "😕 Something went wrong. Please try again in a moment.",
}
ERROR_ID = {"pt": "Código do erro: <code>{id}</code>", "en": "Error code: <code>{id}</code>"}


class ErrorHandlerConfig(PluginConfig):
    """Configuration of `error_handler`."""

    show_error_id: bool = Field(True, description="Show the error's code to the person, for asking support")
    notify_admins: bool = Field(False, description="Notify the bot's owner in the panel")


class ErrorHandlerPlugin(BasePlugin):
    """Apologises when an update was given up."""

    name = "error_handler"
    title = "Errors"
    description = "Apologises when something goes wrong, with an error code"
    author = "Flotilla"
    config_model = ErrorHandlerConfig

    def setup_handlers(self, router: Router) -> None:
        """Take updates that were given up."""
        router.error()(self._apologise)

    def _apologise(self, error: str, ctx: Context) -> None:
        if self.get_config("notify_admins"):
            ctx.notify_owner("handler_failed", {"error": error, "error_id": ctx.error_id})
        if not ctx.chat_id:
            return
        lines = [ctx.translate(SORRY)]
        if self.get_config("show_error_id"):
            lines.append(ctx.translate(ERROR_ID).replace("{id}", ctx.escape(ctx.error_id)))
        ctx.send("\n".join(lines), parse_mode=HTML)


plugin = ErrorHandlerPlugin
