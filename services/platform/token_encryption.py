"""Bot tokens inside updates and messages: sealed before they reach Redis, opened only in the worker's memory."""

from __future__ import annotations

import re

from services.core.errors import ConfigurationError
from services.core.redaction import TOKEN
from services.core.secrets import Vault

SEALED = re.compile(r"⟦sealed:([A-Za-z0-9_=-]+)⟧")


def seal_tokens(vault: Vault, text: str, bot_id: int) -> str:
    """`text` with everything shaped like a bot token sealed for the bot that got or sends it."""
    if ":" not in text:
        return text
    return TOKEN.sub(lambda found: f"⟦sealed:{vault.seal(found[0], owner=_owner(bot_id))}⟧", text)


def open_tokens(vault: Vault, text: str, bot_id: int) -> str:
    """The text that `seal_tokens` was given; what only looks sealed stays as it is."""

    def opened(found: re.Match[str]) -> str:
        try:
            return vault.unseal(found[1], owner=_owner(bot_id))
        except ConfigurationError:
            return found[0]  # a person wrote the brackets, or the key is gone

    return SEALED.sub(opened, text) if "⟦" in text else text


def _owner(bot_id: int) -> str:
    return f"update:{bot_id}"
