"""Ids as they come from outside, judged in one place: a number of the wrong kind or size is no id."""

from __future__ import annotations

from typing import Final, TypeGuard

LARGEST_ID: Final = 2**63 - 1  # what a column holds
LONGEST_ID: Final = 19  # digits of the largest


def is_telegram_id(value: object) -> TypeGuard[int]:
    """Whether a value out of JSON can be the id of a Telegram user or chat (chats of groups are negative)."""
    return isinstance(value, int) and not isinstance(value, bool) and value != 0 and abs(value) <= LARGEST_ID


def parsed_id(text: str) -> int | None:
    """The id that `text` writes in ASCII digits; None for anything else, however long."""
    if not text.isascii() or not text.isdecimal() or len(text) > LONGEST_ID:
        return None
    number = int(text)
    return number if 0 < number <= LARGEST_ID else None
