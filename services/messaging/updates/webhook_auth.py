"""The webhook's door: who may come in, and what is said to them. Nothing is read of a stranger's body."""

from __future__ import annotations

from services.core.addresses import address_of
from services.core.errors import Forbidden
from services.core.metrics import RATE_LIMIT_HITS
from services.fleet.bots.webhook_secret import is_webhook_secret
from services.messaging.updates.intake import Intake
from services.messaging.updates.webhook_paths import WebhookPaths
from services.messaging.updates.webhook_refusals import WebhookRefusals
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the header's name
COMMIT_DELAY_SECONDS = 0.003  # ADR 2


class WebhookAuth:
    """Path, secret and intake of one web process. Creating it does no I/O; `start` begins to listen for changes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._paths = WebhookPaths(platform)
        self._refusals = WebhookRefusals(platform)
        self.intake = Intake(platform, COMMIT_DELAY_SECONDS)

    def start(self) -> None:
        """Notice bots that were deleted or given another path, and switches."""
        self._platform.changes.subscribe(self._paths.on_change)
        self._platform.switches.start()

    def refuse_outsiders(self, address: str) -> None:
        """Forbidden `not_telegram_network` for a client outside TELEGRAM_NETWORKS while that switch is on. Asks nobody."""
        if not self._platform.switches.is_on(SwitchName.TELEGRAM_NETWORK):
            return
        known = address_of(address)
        if known is None or not any(
            known in network for network in self._platform.settings.telegram_networks
        ):
            RATE_LIMIT_HITS.labels("network").inc()
            raise Forbidden(
                "Webhooks are taken from Telegram's networks only now", code="not_telegram_network"
            )

    def bot_behind(self, path_id: str, secret: str) -> int | None:
        """The bot at `path_id` if `secret` is right, else None; Unavailable when that cannot be known now.

        The secret goes first: it is made of the path alone, so strangers cause no look anywhere but one per burst, and learn nothing.
        """
        if not is_webhook_secret(self._platform.vault, path_id, secret):
            self._refusals.note(path_id)
            return None
        return self._paths.get(path_id)
