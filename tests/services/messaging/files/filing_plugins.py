"""A plugin that keeps what is sent and sends it back."""

from __future__ import annotations

from typing import Any

from plugins.base import BasePlugin
from plugins.context import Context
from plugins.files import attachment_of
from plugins.router import Router


class BackPlugin(BasePlugin):
    """Sends each file back to whoever sent it."""

    name = "back"

    def setup_handlers(self, router: Router) -> None:
        router.message(where=lambda message, _ctx: attachment_of(message) is not None)(self._back)

    def _back(self, message: Any, ctx: Context) -> None:
        found = attachment_of(message)
        assert found is not None
        ctx.send_media(found.kind, ctx.files.download(found))
