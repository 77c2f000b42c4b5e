"""Text rules: length in UTF-16 units and HTML markup turned into entities, with Telegram's errors."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from tools.sandbox.errors import bad_request

TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "tg-spoiler": "spoiler",
    "blockquote": "blockquote",
    "a": "text_link",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
}
"""HTML tags of parse_mode HTML and the entity each becomes (Bot API, 'HTML style')."""
_TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^>]*)>|<")
_HREF = re.compile(r"""href\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def utf16_length(text: str) -> int:
    """Length as Telegram counts it: characters beyond the BMP count twice."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def parse_html(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Plain text and entities of an HTML message; ApiError 400 ``can't parse entities``."""
    if "<" not in source and "&" not in source:
        return source, []
    plain: list[str] = []
    entities: list[dict[str, Any]] = []
    stack: list[tuple[str, dict[str, Any]]] = []
    length = position = 0
    for match in _TOKEN.finditer(source):
        piece = unescape(source[position : match.start()])
        plain.append(piece)
        length += utf16_length(piece)
        position = match.end()
        at = len(source[: match.start()].encode())
        if match.group(1):
            _close(stack, entities, match.group(2).lower(), length, at)
        else:
            stack.append(_open(match, length, at))
    if stack:
        raise bad_request(
            f"can't parse entities: Can't find end tag corresponding to start tag \"{stack[-1][0]}\""
        )
    plain.append(unescape(source[position:]))
    entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return "".join(plain), entities


def _open(match: re.Match[str], length: int, at: int) -> tuple[str, dict[str, Any]]:
    name = (match.group(2) or "").lower()
    if name not in TAGS:
        raise bad_request(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {at}')
    entity: dict[str, Any] = {"type": TAGS[name], "offset": length, "length": 0}
    if name == "a":
        href = _HREF.search(match.group(3) or "")
        entity["url"] = unescape((href.group(1) or href.group(2) or "") if href else "")
    return name, entity


def _close(
    stack: list[tuple[str, dict[str, Any]]], entities: list[dict[str, Any]], name: str, length: int, at: int
) -> None:
    if not stack:
        raise bad_request(f"can't parse entities: Unexpected end tag at byte offset {at}")
    opened, entity = stack.pop()
    if opened != name:
        raise bad_request(
            f"can't parse entities: Unmatched end tag at byte offset {at}, "
            f'expected "</{opened}>", found "</{name}>"'
        )
    entity["length"] = length - entity["offset"]
    if entity["length"] and entity.get("url") != "":
        entities.append(entity)
