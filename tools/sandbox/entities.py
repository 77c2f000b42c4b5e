"""Entities that Telegram finds by itself in a text: addresses, mentions, hashtags, commands and the like."""

from __future__ import annotations

import re
from typing import Any

# The rules of Telegram's own library in short; of domains it knows all, here those that people try out.
_DOMAINS = (
    "com|org|net|info|io|me|dev|app|co|br|pt|us|uk|de|fr|es|it|nl|ru|ar|mx|ao|bot|xyz|online|site|shop|store|link|"
    "page|tech|blog|news|live|tv|gg|ai|edu|gov"
)
_HOST = rf"(?:[\w-]+\.)+(?:{_DOMAINS})\b"
_RULES = (
    (
        "url",
        re.compile(
            rf"(?<![\w@.])(?:(?:https?|ftp)://(?:{_HOST}|localhost|\d+(?:\.\d+){{3}})|tg://\w+|{_HOST}(?!@))"
            r"(?::\d{1,5})?(?:[/?#][^\s<>\"]*[^\s<>\".,:;!?)'\]])?/?",
            re.IGNORECASE,
        ),
    ),
    ("email", re.compile(rf"(?<![\w.+-])[\w.+-]{{1,64}}@{_HOST}", re.IGNORECASE)),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z0-9_]{5,32}\b")),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\w*[^\W\d_])\w{1,256}(?:@[A-Za-z0-9_]{5,32})?(?![\w#])")),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z]{1,8}(?:@[A-Za-z0-9_]{5,32})?(?![\w$])")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>])")),
    ("phone_number", re.compile(r"(?<![\w+])\+\d[\d() -]{5,18}\d(?!\w)")),
)
_SIGNS = re.compile(r"[@#$/.+]")
_CLOSED = frozenset({"code", "pre", "text_link", "text_mention", "custom_emoji"})
"""Kinds of marked-up text inside which nothing is looked for."""

Entity = dict[str, Any]


def with_found(text: str, given: list[Entity]) -> list[Entity]:
    """The marked-up entities of a text together with those found in it, in Telegram's order; in UTF-16 units."""
    if not _SIGNS.search(text):
        return given
    taken = [_span(entity) for entity in given if entity["type"] in _CLOSED]
    # Marks lie around what is found or inside it. Across its ends Telegram would cut them; here nothing is found then.
    edges = [_span(entity) for entity in given]
    found = list(given)
    offsets = _utf16_offsets(text)
    for kind, rule in _RULES:
        for match in rule.finditer(text):
            begin, end = offsets[match.start()], offsets[match.end()]
            if not any(a < end and begin < b for a, b in taken) and not any(
                a < begin < b < end or begin < a < end < b for a, b in edges
            ):
                taken.append((begin, end))
                found.append({"type": kind, "offset": begin, "length": end - begin})
    return sorted(found, key=lambda entity: (entity["offset"], -entity["length"]))


def _span(entity: Entity) -> tuple[int, int]:
    return int(entity["offset"]), int(entity["offset"]) + int(entity["length"])


def _utf16_offsets(text: str) -> list[int] | range:
    """Where each character begins, and the end, in UTF-16 units."""
    if text.isascii():
        return range(len(text) + 1)
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + (2 if ord(character) > 0xFFFF else 1))
    return offsets
