"""The start payload `<start_param>_<token>` and the click's token inside it."""

from __future__ import annotations

import os
import re
from typing import Final

LONGEST_PAYLOAD = 64  # Telegram's limit, of [A-Za-z0-9_-]
TOKEN_LENGTH = 12  # 62**12 tokens: 71 bits, not to be guessed and not to be met twice
START_PARAM_PATTERN: Final = r"^[A-Za-z0-9_-]{1,51}$"  # 51 + "_" + 12 = 64
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_TOKEN: Final = re.compile(r"[0-9A-Za-z]{12}")


def new_token() -> str:
    """A fresh click id: 12 random base62 characters (12 bytes of chance, so that no character is likelier)."""
    number = int.from_bytes(os.urandom(12), "big")
    token = ""
    for _ in range(TOKEN_LENGTH // 2):
        number, digit = divmod(number, 3844)
        token += _PAIRS[digit]
    return token


def start_payload(start_param: str, token: str) -> str:
    """What stands after `?start=`; without a token the start parameter alone."""
    return f"{start_param}_{token}" if token else start_param


def split_payload(payload: str) -> tuple[str, str | None]:
    """Start parameter and click id of a payload; no click id unless what follows the last `_` looks like one."""
    start_param, mark, tail = payload.rpartition("_")
    if mark and _TOKEN.fullmatch(tail):
        return start_param, tail
    return payload, None


def looks_tracked(start_param: str) -> bool:
    """Whether a start parameter would itself be read as one with a token; such a one must not be chosen."""
    return split_payload(start_param)[1] is not None
