"""What Telegram should know about a bot's webhook, and whether it does. Pure but for the vault's arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models import Bot, BotMode
from services.core.encryption import Vault, sha256_hex
from services.fleet import plugin_catalogue
from services.fleet.bots.webhook_secret import webhook_secret

ALLOWED_UPDATES = ("callback_query", "edited_message", "message", "my_chat_member")
DEFAULT_CONNECTIONS = 40  # Telegram's, and ours


@dataclass(frozen=True)
class Wanted:
    """The desired state at Telegram; an empty `url` means no webhook."""

    url: str
    secret: str = field(default="", repr=False)
    allowed_updates: tuple[str, ...] = ()
    max_connections: int = DEFAULT_CONNECTIONS

    def differs_from(self, info: dict[str, Any]) -> bool:
        """Whether getWebhookInfo's answer shows another state. An omitted list of updates means Telegram's default."""
        if not self.url or info.get("url") != self.url:
            return bool(info.get("url")) or bool(self.url)
        return (
            set(info.get("allowed_updates") or ()) != set(self.allowed_updates)
            or info.get("max_connections", DEFAULT_CONNECTIONS) != self.max_connections
        )

    def params(self, *, drop_pending_updates: bool) -> dict[str, Any]:
        """The parameters of setWebhook."""
        return {
            "url": self.url,
            "secret_token": self.secret,
            "allowed_updates": list(self.allowed_updates),
            "max_connections": self.max_connections,
            "drop_pending_updates": drop_pending_updates,
        }


def wanted_for(bot: Bot, base_url: str, vault: Vault) -> Wanted:
    """The desired state for a bot whose plugins are loaded: its own address while it shall run by webhook, else none.

    getWebhookInfo does not tell the secret, so the address ends in the secret's fingerprint, behind the bot's readable
    path: after a rotation of ENCRYPTION_KEYS the address differs, and nothing about secrets need be stored.
    """
    if bot.mode != BotMode.WEBHOOK or not bot.desired_running or not base_url:
        return Wanted("")
    secret = webhook_secret(vault, bot.path_id)
    ending = "-".join(filter(None, (bot.webhook_path.strip("/"), sha256_hex(secret)[:8])))
    address = f"{base_url}/webhook/{bot.path_id}/{ending}"
    return Wanted(address, secret, allowed_updates_of(bot), bot.max_connections)


def allowed_updates_of(bot: Bot) -> tuple[str, ...]:
    """The kinds of update the bot receives: the usual ones and what its plugins or its owner's program ask for, sorted."""
    asked = plugin_catalogue.allowed_updates(plugin.name for plugin in bot.plugins if plugin.enabled)
    return tuple(sorted({*ALLOWED_UPDATES, *asked, *bot.worker_updates}))
