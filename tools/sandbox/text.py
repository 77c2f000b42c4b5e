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
    "tg-time": "date_time",
}
"""HTML tags of parse_mode HTML and the entity each becomes (Bot API, 'HTML style')."""
_TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^>]*)>|<")
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_LANGUAGE = "language-"


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
    given = {
        found[1].lower(): unescape(next(filter(None, found.groups()[1:]), ""))
        for found in _ATTRIBUTE.finditer(match.group(3) or "")
    }
    entity = {"type": TAGS[name], "offset": length, "length": 0, **_details(name, given, at)}
    return name, entity


def _details(name: str, given: dict[str, str], at: int) -> dict[str, Any]:
    """What the attributes of a tag make of its entity. ApiError 400 where a needed one is missing."""
    if name == "a":
        return {"url": given.get("href", "")}
    if name == "span" and given.get("class") != "tg-spoiler":
        raise bad_request(
            f'can\'t parse entities: Tag "span" must have class "tg-spoiler" at byte offset {at}'
        )
    if name == "blockquote" and "expandable" in given:
        return {"type": "expandable_blockquote"}
    if name == "code" and given.get("class", "").startswith(_LANGUAGE):
        return {"language": given["class"].removeprefix(_LANGUAGE)}
    if name == "tg-emoji":
        if not given.get("emoji-id", "").isdecimal():
            raise bad_request("can't parse entities: Invalid custom emoji identifier specified")
        return {"custom_emoji_id": given["emoji-id"]}
    if name == "tg-time":
        if not given.get("unix", "").isdecimal():
            raise bad_request(f"can't parse entities: Invalid date-time at byte offset {at}")
        return {"unix_time": int(given["unix"]), "date_time_format": given.get("format", "")}
    return {}


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
    if not entity["length"] or entity.get("url") == "":
        return
    if entity["type"] == "pre":
        entities[:] = [other for other in entities if not _joins(other, entity)]
    elif entity["type"] == "code" and not any(outer["type"] == "pre" for _, outer in stack):
        entity.pop("language", None)  # which only <pre> has
    entities.append(entity)


def _joins(inner: dict[str, Any], pre: dict[str, Any]) -> bool:
    """Whether a <code> lies in this <pre>: it is no entity of its own, and one that fills it gives it its language."""
    if inner["type"] != "code" or inner["offset"] < pre["offset"]:
        return False
    if (inner["offset"], inner["length"]) == (pre["offset"], pre["length"]) and "language" in inner:
        pre["language"] = inner["language"]
    return True
