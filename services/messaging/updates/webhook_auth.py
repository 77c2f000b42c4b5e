"""The webhook's door: who may come in, and what is said to them. Nothing is read of a stranger's body."""

from __future__ import annotations

from services.fleet.bots.webhook_secret import is_webhook_secret
from services.messaging.updates.intake import Intake
from services.messaging.updates.webhook_paths import WebhookPaths
from services.messaging.updates.webhook_refusals import WebhookRefusals
from services.platform.platform import Platform

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name


class WebhookAuth:
    """Path, secret and intake of one web process. Creating it does no I/O; `start` begins to listen for changes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._paths = WebhookPaths(platform)
        self._refusals = WebhookRefusals(platform)
        self.intake = Intake(platform)

    def start(self) -> None:
        """Notice bots that were deleted or given another path."""
        self._platform.changes.subscribe(self._paths.on_change)

    def bot_behind(self, path_id: str, secret: str) -> int | None:
        """The bot at `path_id` if `secret` is right, else None; Unavailable when that cannot be known now.

        The secret goes first: it is made of the path alone, so strangers cause no look anywhere but one per burst, and learn nothing.
        """
        if not is_webhook_secret(self._platform.vault, path_id, secret):
            self._refusals.note(path_id)
            return None
        return self._paths.get(path_id)
