r"""Every text of a bot as one file that people read and edit, and back, character for character.

    ## start.welcome_message
    Hello {first_name}

A line that begins with ## is a header: the plugin and the place in its configuration. What follows up to the next one is
the text; blank lines around it do not count. In a text, a line of the forms below has one backslash more in the file:
`##...`, `\##...` and so on, and lines of nothing but backslashes. A blank line at the edge of a text is one backslash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from services.core.errors import InvalidInput
from services.core.i18n import Text

HEADER: Final = "## "
EXAMPLE: Final = "## start.welcome_message"
AMBIGUOUS: Final = re.compile(r"\\*##.*|\\+", re.DOTALL)  # a line of a text that needs a backslash more
ESCAPED: Final = re.compile(r"\\+##.*|\\+", re.DOTALL)


def written(texts: Mapping[str, str]) -> str:
    """The file of texts by place, in their order."""
    return "\n".join(f"{HEADER}{place}\n{_body(text)}" for place, text in texts.items())


def read(document: str) -> dict[str, tuple[int, str]]:
    """The line of the header and the text, by place. Lines are counted from 1.

    Raises InvalidInput `texts_before_header`, `texts_header_malformed` or `texts_doubled`, naming the line.
    """
    found: dict[str, tuple[int, list[str]]] = {}
    lines: list[str] | None = None
    for number, raw in enumerate(document.removeprefix("\ufeff").split("\n"), 1):
        line = raw.removesuffix("\r")  # of an editor under Windows
        if line.startswith("##"):
            lines = []
            place = _place(number, line)
            if place in found:
                already = Text("Line {line}: {place} was there already", line=number, place=place)
                raise InvalidInput(already, code="texts_doubled", field="document")
            found[place] = (number, lines)
        elif lines is not None:
            lines.append(line)
        elif line.strip():
            first = Text("Line {line}: a header such as {place} comes first", line=number, place=EXAMPLE)
            raise InvalidInput(first, code="texts_before_header", field="document")
    return {place: (number, _text(lines)) for place, (number, lines) in found.items()}


def _place(number: int, line: str) -> str:
    place = line.removeprefix(HEADER).strip()
    if not line.startswith(HEADER) or not place or " " in place:
        form = Text("Line {line}: a header is written {place}", line=number, place=EXAMPLE)
        raise InvalidInput(form, code="texts_header_malformed", field="document")
    return place


def _body(text: str) -> str:
    if not text:
        return ""
    lines = text.split("\n")
    filled = [number for number, line in enumerate(lines) if line]
    first, last = (filled[0], filled[-1]) if filled else (len(lines), -1)
    return "".join(
        _escaped(line, edge=not first <= number <= last) + "\n" for number, line in enumerate(lines)
    )


def _escaped(line: str, edge: bool) -> str:
    if line.endswith("\r"):
        line += "\r"  # reading takes one away
    return "\\" + line if edge or AMBIGUOUS.fullmatch(line.rstrip("\r")) else line


def _text(lines: list[str]) -> str:
    filled = [number for number, line in enumerate(lines) if line]
    kept = lines[filled[0] : filled[-1] + 1] if filled else []
    return "\n".join(line[1:] if ESCAPED.fullmatch(line.rstrip("\r")) else line for line in kept)
