"""Usernames for the bots that a pool is yet to get: a pattern with a number in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from models import RedirectPool
from services.core.errors import InvalidInput
from services.core.i18n import Text

NUMBER: Final = "{n}"
LONGEST: Final = 32  # of a username at Telegram; the shortest has 5
LARGEST: Final = 9_999
ROOM: Final = len(str(LARGEST))
PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def checked_pattern(pattern: str) -> str:
    """A pattern such as "shop_{n}_bot" whose every number makes a username that Telegram takes; "" stays.

    Raises InvalidInput `naming_pattern`.
    """
    if not pattern:
        return pattern
    shortest, longest = pattern.replace(NUMBER, "1"), pattern.replace(NUMBER, str(LARGEST))
    if pattern.count(NUMBER) != 1 or not pattern.lower().endswith("bot"):
        raise InvalidInput(
            Text(
                "A pattern has {number} once and ends in bot, such as {example}",
                number=NUMBER,
                example=f"shop_{NUMBER}_bot",
            ),
            code="naming_pattern",
            field="naming_pattern",
        )
    if not PATTERN.fullmatch(shortest) or len(shortest) < 5 or len(longest) > LONGEST:
        raise InvalidInput(
            "Usernames have 5 to 32 letters, digits and _, and begin with a letter",
            code="naming_pattern",
            field="naming_pattern",
        )
    return pattern


def pattern_of(pool: RedirectPool) -> str:
    """The pool's pattern; without one of its own, one after its slug."""
    return pool.naming_pattern or pattern_after(pool.slug)


def pattern_after(word: str) -> str:
    """A pattern that begins as `word` does, as far as usernames allow."""
    stem = re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")
    stem = stem if stem[:1].isalpha() else f"b_{stem}"
    most = LONGEST - ROOM - len("__bot")
    return f"{stem[:most].rstrip('_')}_{NUMBER}_bot"


def usernames(pattern: str) -> Iterator[str]:
    """Its usernames, from number 1."""
    return (pattern.replace(NUMBER, str(number)) for number in range(1, LARGEST + 1))
