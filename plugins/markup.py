"""What Telegram shows of a text with HTML or MarkdownV2, by the rules of its own parsers, and why it would refuse one.

The Bot API documents the styles (core.telegram.org/bots/api#formatting-options); what it does with half-written ones is
that of its server, tdlib: an unknown or unclosed tag, or a reserved sign without a backslash, refuses the whole message.
"""

from __future__ import annotations

import re
from html import unescape
from string import whitespace
from typing import Final

from plugins.styles import Opened, Span, end_span

HTML: Final = "HTML"
MARKDOWN: Final = "MarkdownV2"
TAGS: Final = frozenset(
    [
        "a",
        "b",
        "blockquote",
        "code",
        "del",
        "em",
        "i",
        "ins",
        "pre",
        "s",
        "span",
        "strike",
        "strong",
        "tg-emoji",
        "tg-spoiler",
        "tg-time",
        "u",
    ]
)
ATTRIBUTE: Final = re.compile(
    r"""\s*([^\s=>]+)(?:\s*=\s*("[^"]*"|'[^']*'|[A-Za-z0-9.-]*(?=[\s>])))?""", re.ASCII
)
NAME: Final = re.compile(r"[^\s>]*", re.ASCII)
LONGEST_NAME: Final = 20  # characters of a tag that a message about it shows
REFERENCE: Final = re.compile(r"&(#x[0-9a-fA-F]+|#[0-9]+|[A-Za-z]+);?")
REFERENCES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
LONGEST_REFERENCE: Final = 9  # characters of a numeric one without its semicolon
KNOWN_TAG: Final = re.compile(rf"</?(?:{'|'.join(sorted(TAGS))})(?:\s[^<>]*)?>", re.IGNORECASE)
MUST_HAVE: Final = {
    "span": ("class", "tg-spoiler"),
    "tg-emoji": ("emoji-id", r"[1-9]\d*"),
    "tg-time": ("unix", r"\d+"),
}

LANGUAGE: Final = re.compile(r"(?:[^\s`]+(?=\s))?(?:\r\n|\n\r|\n|\r)?")  # after ```, with one end of a line
RESERVED: Final = frozenset("_*[]()~`>#+-=|{}.!")
ESCAPED: Final = re.compile(r"\\([\x01-\x7e])")
QUOTE: Final = ">"
QUOTES: Final = (QUOTE, "**>")  # the second begins an expandable one
PAIRS: Final = ("__", "||", "```")  # asked before the single signs
SINGLES: Final = ("_", "*", "~", "`", "[")
ENDS: Final = {"[": "]", "![": "]"}
LINKS: Final = re.compile(  # what a `![text](…)` may point to
    r"tg:(?://)?(?:emoji/?\?(?:.*&)?id=[1-9]\d*(?:[&#].*)?|time/?\?(?:.*&)?unix=\d+.*)", re.IGNORECASE
)
URL: Final = re.compile(r"\(((?:\\[\x01-\x7e]|[^)\\]|\\(?![\x01-\x7e]))*)\)", re.DOTALL)


class MarkupError(ValueError):
    """Telegram would refuse the text. `kind` names the reason, `values` fill its sentence; `line` counts from 1."""

    def __init__(self, kind: str, source: str, at: int, **values: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.values = {"line": source.count("\n", 0, at) + 1, **values}


def visible(source: str, parse_mode: str | None) -> str:
    """What people see of `source`: the text without its markup. MarkupError where Telegram refuses it."""
    return styled(source, parse_mode)[0]


def styled(source: str, parse_mode: str | None) -> tuple[str, list[Span]]:
    """The same with its styles. MarkupError where Telegram refuses it."""
    if parse_mode not in (HTML, MARKDOWN):
        return source, []
    reading = _Html(source) if parse_mode == HTML else _Markdown(source)
    return reading.read(), reading.spans


def plain(source: str, parse_mode: str | None) -> str:
    """`source` for sending without a parse mode: what people would see of it, or nearly so where it is half-written."""
    try:
        return visible(source, parse_mode)
    except MarkupError:
        if parse_mode == HTML:
            return unescape(KNOWN_TAG.sub("", source))
        return ESCAPED.sub(r"\1", source)


class _Html:
    """One reading of an HTML text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._shown: list[str] = []
        self._open: list[Opened] = []
        self.spans: list[Span] = []

    def read(self) -> str:
        source = self._source
        while self._at < len(source):
            sign = source[self._at]
            if sign == "&":
                self._reference()
            elif source.startswith("</", self._at):
                self._close()
            elif sign == "<":
                self._begin()
            else:
                self._shown.append(sign)
                self._at += 1
        if self._open:
            raise MarkupError("text_tag_unclosed", source, self._open[-1].at, tag=self._open[-1].sign)
        return "".join(self._shown)

    def _reference(self) -> None:
        found = REFERENCE.match(self._source, self._at)
        shown = _referred(found[1]) if found else ""
        self._shown.append(shown or "&")
        self._at = found.end() if found and shown else self._at + 1

    def _begin(self) -> None:
        begin = self._at
        tag = self._name(begin + 1)
        if tag not in TAGS:
            raise MarkupError("text_tag_unknown", self._source, begin, tag=tag)
        given: dict[str, str] = {}
        while found := ATTRIBUTE.match(self._source, self._at):
            given[found[1]] = unescape((found[2] or "").strip("\"'"))
            self._at = found.end()
        self._end_of_tag(begin, tag)
        name, form = MUST_HAVE.get(tag, ("", ""))
        if not re.fullmatch(form, given.get(name, "")):
            raise MarkupError("text_tag_malformed", self._source, begin, tag=tag)
        self._open.append(Opened(tag, begin, len(self._shown), given.get("href", "")))

    def _close(self) -> None:
        begin = self._at
        tag = self._name(begin + 2)
        self._end_of_tag(begin, f"/{tag}")
        if not self._open or tag not in ("", self._open[-1].sign):
            raise MarkupError("text_tag_unmatched", self._source, begin, tag=tag)
        end_span(self.spans, self._open.pop(), len(self._shown))

    def _name(self, at: int) -> str:
        found = NAME.match(self._source, at)
        self._at = found.end() if found else at
        return self._source[at : self._at].lower()[:LONGEST_NAME]

    def _end_of_tag(self, begin: int, tag: str) -> None:
        end = self._source.find(">", self._at)
        if end < 0 or self._source[self._at : end].strip(whitespace):
            raise MarkupError("text_tag_malformed", self._source, begin, tag=tag)
        self._at = end + 1


def _referred(name: str) -> str:
    """The character of a reference without its signs, "" for one that Telegram leaves as it is written."""
    if not name.startswith("#"):
        return REFERENCES.get(name, "")
    number = int(name[2:], 16) if name[1] == "x" else int(name[1:])
    usable = 0 < number < 0x10FFFF and len(name) < LONGEST_REFERENCE and not 0xD800 <= number <= 0xDFFF
    return chr(number) if usable else ""


class _Markdown:
    """One reading of a MarkdownV2 text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._shown: list[str] = []
        self._open: list[Opened] = []
        self.spans: list[Span] = []
        self._begins_line = True  # nothing of this line is shown yet

    def read(self) -> str:
        while self._at < len(self._source):
            self._step()
        if self._inside == QUOTE:
            self._close()
        self._nothing_open()
        return "".join(self._shown)

    def _step(self) -> None:
        escaped = ESCAPED.match(self._source, self._at)
        if escaped:
            self._show(escaped[1], 2)
        elif self._inside in ("`", "```"):
            self._code()
        elif self._begins_line and self._here(*QUOTES):
            self._quote()
        elif self._source[self._at] == "\n":
            self._line()
        elif self._source[self._at] in RESERVED:
            self._sign()
        else:
            self._show(self._source[self._at], 1)

    @property
    def _inside(self) -> str:
        return self._open[-1].sign if self._open else ""

    def _here(self, *signs: str) -> bool:
        return self._source.startswith(signs, self._at)

    def _show(self, text: str, width: int) -> None:
        self._shown.append(text)
        self._begins_line = text == "\n" or (text == "\r" and self._begins_line)
        self._at += width

    def _code(self) -> None:
        if self._here(self._inside):
            self._at += len(self._inside)
            self._close()
        elif self._here("`"):  # in a block, which is read as if code could be inside
            self._put_open("`")
        else:
            self._show(self._source[self._at], 1)

    def _quote(self) -> None:
        if not self._is_quoted:
            self._open.append(Opened(QUOTE, self._at, len(self._shown)))
        self._begins_line = False
        self._at += 3 if self._here("**>") else 1

    def _line(self) -> None:
        """The end of a line ends a quotation, unless the next line goes on with it; what began inside must have ended."""
        if self._is_quoted and not self._source.startswith(QUOTES, self._at + 1):
            if self._inside != QUOTE:
                self._nothing_open()
            self._close()
        self._show("\n", 1)

    def _sign(self) -> None:
        if self._ends_innermost():
            self._end()
        elif self._ends_expandable():
            self._at += 2
        else:
            self._begin()

    def _ends_innermost(self) -> bool:
        if self._inside in ("", QUOTE) or (self._inside == "_" and self._here("__")):
            return False
        return self._here(ENDS.get(self._inside, self._inside))

    def _ends_expandable(self) -> bool:
        after = self._source[self._at + 2 : self._at + 3]
        return self._inside == QUOTE and self._here("||") and after in ("", "\n", "\r")

    def _begin(self) -> None:
        known = (*PAIRS, *SINGLES, "![")
        sign = next((each for each in known if self._here(each)), "")
        if not sign:
            raise MarkupError("text_sign_unescaped", self._source, self._at, sign=self._source[self._at])
        self._put_open(sign)
        if sign == "```":
            self._skip_language()

    def _skip_language(self) -> None:
        found = LANGUAGE.match(self._source, self._at)
        self._at = found.end() if found else self._at

    def _end(self) -> None:
        sign, begin, *_ = self._open[-1]
        self._at += len(ENDS.get(sign, sign))
        if sign not in ENDS:
            self._close()
            return
        url = URL.match(self._source, self._at) if self._here("(") else None
        missing = url is None and (sign == "![" or self._here("("))
        if missing or (sign == "![" and url and not LINKS.fullmatch(ESCAPED.sub(r"\1", url[1]))):
            raise MarkupError("text_link_malformed", self._source, begin)
        self._close(ESCAPED.sub(r"\1", url[1]) if url else "")
        self._at = url.end() if url else self._at

    @property
    def _is_quoted(self) -> bool:
        return any(opened.sign == QUOTE for opened in self._open)

    def _put_open(self, sign: str) -> None:
        self._open.append(Opened(sign, self._at, len(self._shown)))
        self._at += len(sign)

    def _close(self, target: str = "") -> None:
        end_span(self.spans, self._open.pop()._replace(target=target), len(self._shown))

    def _nothing_open(self) -> None:
        if self._open:
            raise MarkupError("text_sign_unclosed", self._source, self._open[-1].at, sign=self._inside)
