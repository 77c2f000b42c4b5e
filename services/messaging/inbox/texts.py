"""Texts of kept messages: sealed in their rows, opened for whoever may read them."""

from __future__ import annotations

from typing import Final

from models import ChatMessage
from services.core.encryption import Vault
from services.core.storable import storable

LONGEST_TEXT: Final = 4096  # characters; Telegram's own limit of a message


def owner_of(bot_id: int) -> str:
    """What the texts of a bot's messages are sealed for."""
    return f"messages:{bot_id}"


def sealed_text(vault: Vault, bot_id: int, text: str) -> str:
    """A text for the column; nothing for none."""
    kept = storable(text)[:LONGEST_TEXT]
    return vault.seal(kept, owner=owner_of(bot_id)) if kept else ""


def opened_text(vault: Vault, message: ChatMessage) -> str:
    """The text of a message. ConfigurationError when no key of ours opens it."""
    if not message.sealed_text:
        return ""
    return vault.unseal(message.sealed_text, owner=owner_of(message.bot_id))
