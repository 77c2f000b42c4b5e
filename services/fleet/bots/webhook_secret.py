"""The secret that Telegram sends back with every webhook call, derived, so that nothing is stored.

It is an HMAC of the bot's random path id: the web process checks a call with no query at all, and a rotation of
ENCRYPTION_KEYS changes it as soon as the reconciler has set the webhooks anew; older keys stay accepted while listed.
"""

from __future__ import annotations

import hmac

from services.core.encryption import Vault


def webhook_secret(vault: Vault, path_id: str, *, key_index: int = 0) -> str:
    """The `secret_token` for the webhook at `path_id`: 64 hex digits (Telegram takes 1-256 of [A-Za-z0-9_-])."""
    return vault.signature("webhook", path_id, key_index=key_index).hex()


def is_webhook_secret(vault: Vault, path_id: str, given: str) -> bool:
    """Whether `given` is the secret of `path_id` under any key in force; in constant time per key."""
    return any(
        hmac.compare_digest(webhook_secret(vault, path_id, key_index=index).encode(), given.encode())
        for index in range(vault.key_count)
    )
