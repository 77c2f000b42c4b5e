"""Bot tokens, and codes of two-step sign-in, inside updates and messages: sealed before they reach Redis, opened only in
the worker's memory.

Strings are sealed in the parsed value and serialized afterwards. A pattern over serialized JSON would take the digits of
an escape (`\\u0001` before a token) for the token's own and leave what nobody can parse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from services.core.encryption import Vault
from services.core.errors import ConfigurationError
from services.core.redaction import CODE, TOKEN, may_hold_code, may_hold_token

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
SEALED = re.compile(r"⟦sealed:([A-Za-z0-9_=-]{1,4096})⟧")


def seal_tokens(vault: Vault, text: str, bot_id: int) -> str:
    """`text`, which is not serialized, with everything shaped like a bot token sealed for the bot that got or sends it."""
    if not may_hold_token(text):
        return text
    return TOKEN.sub(lambda found: _sealed(vault, found[0], bot_id), text)


def open_tokens(vault: Vault, text: str, bot_id: int) -> str:
    """The text that `seal_tokens` was given; what only looks sealed stays as it is."""

    def opened(found: re.Match[str]) -> str:
        try:
            return vault.unseal(found[1], owner=_owner(bot_id))
        except ConfigurationError:
            return found[0]  # a person wrote the brackets, or the key is gone

    return SEALED.sub(opened, text) if "⟦" in text else text


def dump_sealed(vault: Vault, value: Any, bot_id: int) -> str:
    """`value` as JSON for Redis, its tokens and the strings that are a code sealed; a lone surrogate becomes a question mark.

    Raises ValueError, TypeError or RecursionError for what JSON cannot hold.
    """
    text = _dump(value)
    # Where the characters of a token stand one after the other in a string, they do so in its JSON.
    if not may_hold_token(text) and not may_hold_code(text):
        return text
    return _dump(_walked(value, lambda string: _sealed_string(vault, string, bot_id)))


def load_opened(vault: Vault, text: str, bot_id: int) -> Any:
    """The value that `dump_sealed` was given. Raises ValueError or RecursionError for what is no JSON."""
    value = json.loads(text)
    return _walked(value, lambda string: open_tokens(vault, string, bot_id)) if "⟦" in text else value


def _sealed_string(vault: Vault, text: str, bot_id: int) -> str:
    return _sealed(vault, text, bot_id) if CODE.fullmatch(text) else seal_tokens(vault, text, bot_id)


def _sealed(vault: Vault, secret: str, bot_id: int) -> str:
    return f"⟦sealed:{vault.seal(secret, owner=_owner(bot_id))}⟧"


def _dump(value: Any) -> str:
    return _encode(value).encode(errors="replace").decode()


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every string in it changed, names of fields included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_walked(name, change): _walked(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_walked(item, change) for item in value]
    return value


def _owner(bot_id: int) -> str:
    return f"update:{bot_id}"
