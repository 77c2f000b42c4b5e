"""The styles that Telegram's markup gives to parts of a text."""

from __future__ import annotations

from typing import Final, NamedTuple

STYLES: Final = {  # of tags and of MarkdownV2's signs
    **dict.fromkeys(("b", "strong", "*"), "bold"),
    **dict.fromkeys(("i", "em", "_"), "italic"),
    **dict.fromkeys(("u", "ins", "__"), "underline"),
    **dict.fromkeys(("s", "strike", "del", "~"), "strike"),
    **dict.fromkeys(("span", "tg-spoiler", "||"), "spoiler"),
    **dict.fromkeys(("code", "`"), "code"),
    **dict.fromkeys(("pre", "```"), "pre"),
    **dict.fromkeys(("blockquote", ">"), "quote"),
    **dict.fromkeys(("a", "["), "link"),
}


class Span(NamedTuple):
    """A part of what people see, by its characters, and how it looks; `target` is where a link leads."""

    begin: int
    end: int
    style: str
    target: str = ""


class Opened(NamedTuple):
    """A tag or sign that waits for its end: where it stands, and how much was shown before it."""

    sign: str
    at: int
    shown: int
    target: str = ""


def end_span(spans: list[Span], opened: Opened, shown: int) -> None:
    """Add what has ended, unless it is empty or does not show."""
    style = STYLES.get(opened.sign)
    if style is not None and shown > opened.shown:
        spans.append(Span(opened.shown, shown, style, opened.target))
